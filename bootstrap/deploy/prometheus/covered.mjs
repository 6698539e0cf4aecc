#!/usr/bin/env node
// Every alert has a heading in docs/runbook.md that its runbook_url leads to, a case in alerts.test.yml in which it fires and one
// in which it does not; and the runbook has no heading that belongs to no alert.
import {readFileSync} from 'node:fs';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const [rules, tests, runbook] = [read('alerts.yml'), read('alerts.test.yml'), read('../../../docs/runbook.md')];
const failures = [];

const headings = [...runbook.matchAll(/^## (.+)$/gm)].map((match) => match[1]);
const alerts = rules.split(/^ +- alert: /m).slice(1).map((text) => {
  const name = text.match(/^\S+/)[0];
  return {name, url: text.match(/runbook_url: (\S+)/)?.[1], severity: text.match(/severity: (\w+|"\{\{ \$labels\.severity \}\}")/)?.[1], summary: /summary: "/.test(text)};
});
if (alerts.length < 10) failures.push(`only ${alerts.length} alerts in alerts.yml: this script does not read it as it should`);
for (const {name, url, severity, summary} of alerts) {
  if (url !== `docs/runbook.md#${name.toLowerCase()}`) failures.push(`${name}: runbook_url is ${url}`);
  if (!headings.includes(name)) failures.push(`${name}: no heading of that name in docs/runbook.md`);
  if (!['critical', 'warning', 'info', '"{{ $labels.severity }}"'].includes(severity)) failures.push(`${name}: severity ${severity}`);
  if (!summary) failures.push(`${name}: no summary`);
  const fires = new RegExp(`alertname: ${name}\\n +exp_alerts:\\n +- exp_labels`).test(tests);
  const rests = new RegExp(`alertname: ${name}, exp_alerts: \\[\\]`).test(tests);
  if (!fires || !rests) failures.push(`${name}: alerts.test.yml has no case in which it ${fires ? 'does not fire' : 'fires'}`);
}
for (const heading of headings) {
  if (!alerts.some(({name}) => name === heading)) failures.push(`docs/runbook.md: ${heading} is no alert`);
}
failures.forEach((failure) => console.error(failure));
process.exit(failures.length ? 1 : 0);
