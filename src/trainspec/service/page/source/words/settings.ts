export const settings = {
  en: {},
  zh: {},
};
