// Product: what is wrong with this one? Its rate when all returns have come, against its style and category; whether packer, lane or payment explain it before the product is
// blamed; reasons, sizes, what became of what came back. It reads the past as the tables know it now.
import { command } from "../lib/keys";
import { mount } from "../parts/frame";
import { Cohorts } from "./product/cohorts";
import { Differs } from "./product/differs";
import { Ends, Forecast, Latest } from "./product/ends";
import { Reasons, Sizes } from "./product/reasons";
import { Verdict } from "./product/verdict";

command({ key: "u", title: "Back to Products", group: "This page", run: () => { location.href = "/products"; } },
  { key: "d", title: "What differs", group: "This page", run: () => { const card = document.querySelector<HTMLElement>("[data-query=product_differs]"); card?.focus({ preventScroll: true }); card?.scrollIntoView({ block: "nearest" }); } },
  { key: "f", title: "The grain of the cohorts", group: "This page", run: () => document.querySelector<HTMLElement>("select[data-key=grain]")?.focus() });

mount(() => <><div class="title"><h1>Product</h1><p class="lead">What is wrong with this one?</p><span class="spring" /><a class="button" href="/products">All products <kbd>u</kbd></a></div>
  <div class="stack"><Verdict /><div class="columns flat"><div><Cohorts /><Differs /><Sizes /></div><div><Reasons /><Forecast /><Ends /><Latest /></div></div></div></>);
