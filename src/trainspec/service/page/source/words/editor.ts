export const editor = {
  en: {
    document: "Document",
  },
  zh: {
    document: "文档",
  },
};
