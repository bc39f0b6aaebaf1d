/** The page's look: the reader's own light or dark, no font or picture from elsewhere. */
export const STYLE = `
:root { color-scheme: light dark; --page: #fff; --card: #f6f7f9; --line: #d9dde3; --text: #1b2430; --soft: #5a6675;
  --container: #0f8a7e; --sandbox: #b7791f; --vm: #2f6fd6; --machine: #8b4fc4; }
@media (prefers-color-scheme: dark) { :root { --page: #12161c; --card: #1b212a; --line: #333c48; --text: #e6eaf0; --soft: #9aa6b5;
  --container: #2dbcae; --sandbox: #e0a63f; --vm: #6ba1f5; --machine: #b98ae6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 68rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .75rem; }
h3 { font-size: .95rem; margin: 0 0 .6rem; display: flex; justify-content: space-between; gap: 1rem; }
h3 span { color: var(--soft); font-weight: normal; }
p { margin: .25rem 0; }
code, pre { font: .86em/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; }
.soft, small { color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: 1rem; }
.chart { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; min-width: 0; }
.bar { margin: .5rem 0 0; }
.bar p { display: flex; justify-content: space-between; gap: 1rem; margin: 0; }
.bar b { font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar .missing { font-style: italic; color: var(--soft); display: block; font-size: .88em; }
svg { display: block; width: 100%; height: 12px; }
.track { fill: var(--line); opacity: .45; }
.spread { stroke: var(--text); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.reference { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 2; vector-effect: non-scaling-stroke; }
.fill-container { fill: var(--container); } .fill-sandbox { fill: var(--sandbox); }
.fill-vm { fill: var(--vm); } .fill-machine { fill: var(--machine); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; min-width: 40rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .7rem; border-bottom: 1px solid var(--line); }
thead th { border-bottom-width: 2px; }
tbody th { font-weight: 600; white-space: nowrap; }
tr.section th { padding-top: 1.1rem; color: var(--soft); font-weight: 600; }
td small, th small { display: block; font-size: .84em; font-weight: normal; }
td.missing { color: var(--soft); font-style: italic; font-size: .88em; }
ul { padding-left: 1.2rem; margin: .25rem 0; }
@media print { body { max-width: none; } .chart { break-inside: avoid; } }
`;
