import { render } from "preact";
import { begin } from "./store";
import { Page } from "./page";
import "./style/base.css";
import "./style/editor.css";
import "./style/settings.css";
import "./style/plan.css";
import "./style/differences.css";

begin();
render(<Page />, document.getElementById("page")!);
