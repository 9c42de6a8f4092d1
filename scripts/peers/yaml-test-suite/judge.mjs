// Checks for every edit on stdin, [{id, old, new, path, kind, name}], that the npm packages yaml and js-yaml see the planned
// new member and no other change. Prints {yaml: [verdict], jsYaml: [verdict]} with a verdict for each edit: "agree",
// "silent" if the old text can't be read, or the reason why it is wrong.
//
//   node judge.mjs NODE_MODULES < edits.json
//
// The two share no code with each other or with the parsers on the Rust side. Like PyYAML, js-yaml accepts texts that the
// suite considers invalid only for their indentation; since 5.0 it does not, so it stays at 4.1.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.argv[2], 'x.js'));
const yaml = require('yaml');
const jsYaml = require('js-yaml');

// Reads strings only, without types and merging; unknown tags are an error.
function readPlainly(text) {
  const node = (value) => {
    if (value === null || value === undefined) return ['null'];
    if (Array.isArray(value)) return ['seq', '', '', value.map(node)];
    if (typeof value === 'object') return ['map', '', '', Object.keys(value).map((key) => [node(key), node(value[key])])];
    return ['scalar', '', '', value];
  };
  return jsYaml.loadAll(text, null, { schema: jsYaml.FAILSAFE_SCHEMA, json: true }).map(node);
}

function read(text) {
  const documents = yaml.parseAllDocuments(text, { uniqueKeys: false, merge: false, logLevel: 'error' });
  if (!Array.isArray(documents)) return [];
  for (const document of documents) if (document.errors.length) throw document.errors[0];
  return documents.map((document) => plain(document.contents));
}

// A node as data for a comparison with JSON.stringify: text, quoted or not, tag, anchor; entries in order.
function plain(node) {
  if (node === null || node === undefined) return ['null'];
  const own = [node.tag ?? '', node.anchor ?? ''];
  if (yaml.isAlias(node)) return ['alias', node.source];
  if (yaml.isMap(node)) return ['map', ...own, node.items.map((pair) => [plain(pair.key), plain(pair.value)])];
  if (yaml.isSeq(node)) return ['seq', ...own, node.items.map((item) => (yaml.isPair(item) ? [plain(item.key), plain(item.value)] : plain(item)))];
  return ['scalar', ...own, node.source ?? String(node.value), node.type === 'PLAIN' ? 'plain' : 'quoted'];
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function without(node, [step, ...rest], expected) {
  if (node[0] === 'seq') {
    node[3][Number(step)] = without(node[3][Number(step)], rest, expected);
    return node;
  }
  if (node[0] !== 'map') throw new Error(`no mapping contains '${step}'`);
  const found = node[3].filter(([key]) => key[0] === 'scalar' && key[3] === step);
  if (found.length !== 1) throw new Error(`'${step}' exists ${found.length} times`);
  if (rest.length) {
    found[0][1] = without(found[0][1], rest, expected);
    return node;
  }
  const texts = found[0][1][0] === 'map' ? found[0][1][3].map(([key, value]) => [key[3], value[3], value[0]]) : [];
  if (!same(texts, expected)) throw new Error(`the new member is ${JSON.stringify(found[0][1])}`);
  node[3] = node[3].filter((entry) => entry !== found[0]);
  return node;
}

function verdict(edit, read) {
  let old;
  try {
    old = read(edit.old);
  } catch {
    return 'silent';
  }
  try {
    const now = read(edit.new);
    if (old.length !== 1 || now.length !== 1) throw new Error(`${old.length} documents become ${now.length}`);
    const expected = [['kind', edit.kind, 'scalar'], ['name', edit.name, 'scalar']];
    if (!same(without(now[0], edit.path, expected), old[0])) throw new Error('something else changes');
    return 'agree';
  } catch (error) {
    return error.message;
  }
}

const edits = JSON.parse(readFileSync(0, 'utf8'));
const judge = (reader) => edits.map((edit) => verdict(edit, reader));
process.stdout.write(JSON.stringify({ yaml: judge(read), jsYaml: judge(readPlainly) }));
