// Reads YAML 1.2 with a parser that shares no line with libyaml: npm's `yaml`, which the editor's language server uses.
// A line of JSON in, the text; a line of JSON out: {"error": text} or {"value": typed value}.
import { createInterface } from "node:readline";
import { isMap, isPair, isScalar, isSeq, parseAllDocuments } from "../editor/node_modules/yaml/dist/index.js";

function typed(node) {
  if (node === null) return null;
  if (isMap(node)) return { map: node.items.map((pair) => [key(pair.key), typed(pair.value)]) };
  if (isSeq(node)) return { list: node.items.map((item) => typed(isPair(item) ? null : item)) };
  if (!isScalar(node)) throw new Error("neither a scalar nor a collection");
  if (typeof node.value === "bigint") return { int: node.value.toString() };
  if (typeof node.value === "number") return { float: String(node.value) };
  if (typeof node.value === "string") return { text: node.value };
  return node.value;
}

function key(node) {
  if (!isScalar(node)) throw new Error("a key that is no scalar");
  return node.type === "PLAIN" ? node.source : node.value;
}

function read(text) {
  const documents = parseAllDocuments(text, { version: "1.2", schema: "core", intAsBigInt: true, prettyErrors: false });
  if (documents.length !== 1) return { error: `${documents.length ?? 0} documents` };
  const [document] = documents;
  if (document.errors.length > 0) return { error: document.errors[0].message };
  try {
    return { value: typed(document.contents) };
  } catch (error) {
    return { error: error.message };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(read(JSON.parse(line))) + "\n");
}
