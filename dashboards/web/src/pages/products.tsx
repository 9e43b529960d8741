// Products: which products come back too often, surely? A ranking by the lower bound of the excess over the category, so that small lucky or unlucky samples do not
// lead; intervals on one axis; cohort curves at equal age of what is selected. It blames nobody: what differs stands on the product's own page.
import { command } from "../lib/keys";
import { mount } from "../parts/frame";
import { Compare, compare } from "./products/compare";
import { Figures } from "./products/figures";
import { clearMarks, List, markChosen, openChosen, reorder } from "./products/list";

command({ key: "x", title: "Select the chosen row for comparing", group: "This page", run: markChosen }, { key: "X", title: "Take the selection off", group: "This page", run: clearMarks },
  { key: "c", title: "Compare the selected at equal age", group: "This page", run: compare },
  { key: "r", title: "Reorder: show moved rows", group: "This page", run: reorder },
  { key: "Enter", title: "Open the chosen row", group: "This page", run: openChosen },
  { key: "q", title: "The list", group: "This page", run: () => document.querySelector<HTMLElement>("[data-query=products] [role=grid]")?.focus() },
  { key: "f", title: "The filters", group: "This page", run: () => document.querySelector<HTMLElement>("select[data-key=category]")?.focus() },
  { key: "/", title: "Search products", group: "This page", run: () => document.getElementById("products-search")?.focus() });

mount(() => <><div class="title"><h1>Products</h1><p class="lead">Which products come back too often, surely?</p></div>
  <div class="stack"><Figures /><Compare /><List /></div></>);
