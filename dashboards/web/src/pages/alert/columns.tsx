// Evidence and counter-evidence in two equal columns, and what the probability is made of.
import { rows } from "../../lib/data";
import { count, missing, percent, words } from "../../lib/format";
import type { Row } from "../../lib/alerts";
import { Card, Table } from "../../parts/card";
import { Evidence } from "../../parts/evidence";
import { workbench } from "../../parts/sqlpanel";
import { alert, events, score } from "./case";

interface Finding { pattern: string; probability: number; strength: number; explained: boolean }
const findings = (text: unknown): Finding[] => { try { const l = JSON.parse(String(text ?? "[]")) as Finding[]; return Array.isArray(l) ? l : []; } catch { return []; } };

/** Where an event of the evidence can be read. */
function place(source: string | undefined, id: string): string {
  const known = events.value?.find((e) => e.id === id && (!source || e.source === source));
  if (known) return workbench(`select sequence, index, time, type, subject, source, data\nfrom events\nwhere sequence = ${known.sequence} and index = ${known.index}`);
  return workbench(`select sequence, index, time, type, subject, source, data\nfrom events\nwhere id = '${id.replaceAll("'", "''")}'`);
}

export function Columns({ row }: { row: Row }) {
  const s = rows(score.data.value)[0], list = findings(s?.contributions);
  return <Card query={alert} id="columns" title="Evidence and counter-evidence" lines={6} class="evidence" note="Courier, warehouse and shop are looked at before a customer is named. What was looked for and not found is told too: it is no proof, only the lack of an excuse.">
    <Evidence row={row} of={place} />
    {s && <><h3>What the probability is made of</h3><p class="note">{row.subject_kind === "return" ? "Of the return" : <>The alert has the probability of its own finding. Of the return behind it, <span class="mono">{String(s.rma_id)}</span></>}: all findings together{s.rarity == null ? "" : `, odder than ${percent(1 - Number(s.rarity))} of earlier returns`}, and what is known of the customer, give {percent(Number(s.score))}. Brought by the event at sequence {count(s.sequence)}. The probability that a finding is right is learned from reviews.</p>
      {list.length > 0 && <Table label="Findings" rows={list} cells={[{ label: "Finding", value: (f: Finding) => words(f.pattern) }, { label: "Right with", right: true, value: (f: Finding) => percent(f.probability) }, { label: "Strength", right: true, value: (f: Finding) => f.strength == null ? missing : percent(f.strength) },
        { label: "Innocent reason found", value: (f: Finding) => f.explained ? <span class="good">● yes</span> : "○ no" }]} />}</>}
  </Card>;
}
