// Opens, sorts and filters what the page already holds; without it all is there, in one order.
(() => {
  "use strict";
  const list = document.getElementById("spectra-list");

  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  // A spectrum that is linked to, or clicked on in a map, is opened with all that it lies in.
  const reveal = (target) => {
    for (let around = target; around; around = around.parentElement) {
      if (around.tagName === "DETAILS") around.open = true;
    }
    target.scrollIntoView({ block: "center" });
    target.querySelector("summary")?.focus({ preventScroll: true });
  };
  const follow = () => {
    const target = location.hash.startsWith("#m") && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") reveal(target);
  };
  addEventListener("hashchange", follow);
  addEventListener("click", (event) => {
    const cell = event.target.closest?.("[data-m]");
    const target = cell && document.getElementById("m" + cell.dataset.m);
    if (target) reveal(target);
  });

  if (list) {
    const all = [...list.children];
    const place = new Map(all.map((entry, index) => [entry, index]));
    const orders = {
      "heaviest tail first": (a, b) => place.get(a) - place.get(b),
      "lightest tail first": (a, b) => place.get(b) - place.get(a),
      "by block": (a, b) => a.dataset.b - b.dataset.b || place.get(a) - place.get(b),
    };
    const order = element("select", {}, ...Object.keys(orders).map((text) => new Option(text)));
    order.onchange = () => list.append(...all.sort(orders[order.value]));
    const filter = element("input", { type: "search", placeholder: "block 3, q_proj …" });
    const shown = element("span", { ariaLive: "polite" });
    filter.oninput = () => {
      const words = filter.value.toLowerCase().split(",").map((word) => word.trim());
      let count = 0;
      for (const entry of all) {
        const text = entry.firstElementChild.textContent.toLowerCase();
        entry.hidden = !words.every((word) => text.includes(word));
        count += !entry.hidden;
      }
      shown.textContent = filter.value ? `${count} of ${all.length}` : "";
    };
    const most = 60;
    const open = element("button", { type: "button", textContent: "Open those shown" });
    open.onclick = () => all.filter((entry) => !entry.hidden).slice(0, most)
      .forEach((entry) => { entry.open = true; });
    const close = element("button", { type: "button", textContent: "Close all" });
    close.onclick = () => all.forEach((entry) => { entry.open = false; });
    list.before(element("div", { className: "controls" },
      element("label", {}, "Order ", order), element("label", {}, "Filter ", filter), shown,
      open, close));
  }

  // A click on a column's head sorts by it, another one the other way around.
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = element("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.onclick = () => {
        const way = head.ariaSort === "ascending" ? -1 : 1;
        const value = (row) => row.cells[column].textContent;
        const compare = (a, b) => {
          const [x, y] = [parseFloat(value(a)), parseFloat(value(b))];
          if (Number.isNaN(x) || Number.isNaN(y)) return value(a).localeCompare(value(b));
          return x - y;
        };
        body.append(...[...body.rows].sort((a, b) => way * compare(a, b)));
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.ariaSort = way > 0 ? "ascending" : "descending";
      };
    });
  }
  follow();
})();
