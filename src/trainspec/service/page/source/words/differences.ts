export const differences = {
  en: {},
  zh: {},
};
