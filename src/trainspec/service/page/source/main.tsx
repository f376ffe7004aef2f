import { render } from "preact";
import { takeLink } from "./forms/share";
import { EXAMPLE } from "./example";
import { Page } from "./page";
import { begin, text } from "./store";
import "./style/colours.css";
import "./style/base.css";
import "./style/editor.css";
import "./style/settings.css";
import "./style/forms.css";
import "./style/plan.css";
import "./style/pictures.css";
import "./style/differences.css";

if (!(await takeLink())) text.value = EXAMPLE;
begin();
addEventListener("hashchange", () => void takeLink());
render(<Page />, document.getElementById("page")!);
