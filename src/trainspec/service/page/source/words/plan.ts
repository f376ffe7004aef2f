export const plan = {
  en: {},
  zh: {},
};
