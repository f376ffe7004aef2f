// CodeMirror's own words, in the language of the page.
import { lang } from "../store";

const zh: Record<string, string> = {
  "Control character": "控制字符",
  "Selection deleted": "已删除选区",
  "Folded lines": "已折叠的行",
  "Unfolded lines": "已展开的行",
  to: "到",
  "folded code": "已折叠的代码",
  unfold: "展开",
  "Fold line": "折叠行",
  "Unfold line": "展开行",
  "Go to line": "转到行",
  go: "转到",
  Find: "查找",
  Replace: "替换",
  next: "下一个",
  previous: "上一个",
  all: "全部",
  "match case": "区分大小写",
  "by word": "全词匹配",
  regexp: "正则表达式",
  replace: "替换",
  "replace all": "全部替换",
  close: "关闭",
  "current match": "当前匹配",
  "replaced $ matches": "已替换 $ 处",
  "replaced match on line $": "已替换第 $ 行的匹配",
  "on line": "在第几行",
  Completions: "补全",
  Diagnostics: "发现",
  "No diagnostics": "没有发现",
};

export function phrases(): Record<string, string> {
  return lang.value === "zh" ? zh : {};
}
