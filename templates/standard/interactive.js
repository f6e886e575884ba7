// What a page cannot do without a script: search, sort, copy, keys, and the filter in the address. Only with `interactive: true`.
"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const articles = all("article.finding");
const findings = articles.length ? articles : all("table.findings tr[id]"); // the index of a report in several files
const words = document.querySelector(".bar")?.dataset ?? {};
const panel = document.querySelector(".filter") ?? document.createElement("details"); // own templates may have none

// Search: a finding is shown if it has every word. Its entries in contents and tables, and its mark in the count, follow.
const search = document.querySelector(".search input");
const texts = new Map();
const entries = new Map(findings.map(finding => [finding, [finding]]));
all("nav a, tr[class] td.title a").forEach(link => {
  const finding = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  entries.get(finding)?.push(link.closest("li, tr"));
});
all(".tally i").forEach((mark, index) => entries.get(findings[index])?.push(mark));
function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const finding of findings) {
    if (words.length && !texts.has(finding)) texts.set(finding, finding.textContent.toLowerCase());
    const missing = words.some(word => !texts.get(finding).includes(word));
    entries.get(finding).forEach(element => element.classList.toggle("unfound", missing));
  }
}

// The filter in the address: a link to this page shows the same findings.
const boxes = all("input[type=checkbox]", panel);
const name = box => box.id.replace("show-", "");
function keep() {
  const query = new URLSearchParams();
  const hidden = boxes.filter(box => !box.checked).map(name).join(",");
  if (hidden) query.set("hide", hidden);
  if (search?.value) query.set("search", search.value);
  const address = new URL(location);
  address.search = query;
  history.replaceState(null, "", address);
}
function restore() {
  const query = new URLSearchParams(location.search);
  const hidden = (query.get("hide") ?? "").split(",");
  boxes.forEach(box => { box.checked = !hidden.includes(name(box)); });
  if (search) search.value = query.get("search") ?? "";
}
if (search) {
  document.querySelector(".search").hidden = false;
  restore();
  find();
  panel.addEventListener("input", () => { find(); keep(); });
  panel.addEventListener("reset", () => setTimeout(() => { find(); keep(); }));
}

// Sort: the head of a column is a button; a severity is sorted by its rank, all else by its text.
all("table.findings, table.remediation, table.verification").forEach(table => {
  all("thead th", table).forEach((head, column) => {
    const button = document.createElement("button");
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const direction = head.ariaSort === "ascending" ? -1 : 1;
      const key = row => row.cells[column].matches(".severity") ? row.className : row.cells[column].innerText;
      const rows = [...table.tBodies[0].rows].map(row => [key(row), row]);
      rows.sort(([one], [other]) => direction * one.localeCompare(other, document.documentElement.lang, { numeric: true }));
      all("th", table).forEach(other => { other.ariaSort = null; });
      head.ariaSort = direction === 1 ? "ascending" : "descending";
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  });
});

// Copy: code without its numbers, and the address of a heading or a line whose number is clicked.
async function copy(text, button) {
  await navigator.clipboard.writeText(text);
  if (!button) return;
  button.textContent = words.copied;
  setTimeout(() => { button.textContent = words.copy; }, 1500);
}
all("figure.snippet").filter(figure => figure.querySelector("pre.code")).forEach(figure => {
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = words.copy;
  button.addEventListener("click", () => copy(all("pre.code code", figure).map(code => code.textContent).join(""), button));
  figure.prepend(button);
});
document.addEventListener("click", event => {
  const link = event.target.closest(":is(h2, h3, h4, h5) > a");
  if (link) copy(link.href);
  const line = event.target.closest(".l[id]");
  if (line && event.clientX < line.getBoundingClientRect().left + parseFloat(getComputedStyle(line).paddingLeft)) {
    location.hash = line.id;
    copy(location.href);
  }
});

// Keys: j and k go to the next finding that is shown and to the one before, / to the search.
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
  if (event.key === "/" && search) {
    event.preventDefault();
    panel.open = true;
    search.focus();
  }
  const step = { j: 1, k: -1 }[event.key];
  if (!step) return;
  const visible = findings.filter(finding => finding.getClientRects().length);
  const above = visible.filter(finding => finding.getBoundingClientRect().top < (step === 1 ? 80 : -1)).length;
  const next = visible[step === 1 ? above : above - 1];
  if (next) location.hash = next.id;
});
