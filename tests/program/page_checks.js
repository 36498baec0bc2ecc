// What is wrong with report.html for those who do not see well or use no mouse: a list of sentences.
// Contrast as WCAG 2.1 computes it: text 4.5 to 1, large or bold text 3 to 1.
(() => {
  "use strict";
  const faults = [];
  const shown = (element) => element.checkVisibility({ checkVisibilityCSS: true });
  const told = (element) => `<${element.tagName.toLowerCase()}> "${element.textContent.trim().slice(0, 40)}"`;

  const parse = (color) => {
    const numbers = color.match(/[\d.]+/g).map(Number);
    return { rgb: numbers.slice(0, 3), alpha: numbers.length > 3 ? numbers[3] : 1 };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => {
      const share = c / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  // Behind text in HTML: the nearest background that is not clear. Behind text in a picture: the
  // last rectangle drawn before it that holds its middle.
  const backOf = (element) => {
    const picture = element.closest("svg");
    if (picture) {
      const box = element.getBoundingClientRect();
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      let back = null;
      for (const mark of picture.querySelectorAll("rect, text")) {
        if (mark === element) break;
        const area = mark.getBoundingClientRect();
        if (mark.tagName === "rect" && !getComputedStyle(mark).fill.startsWith("url") &&
            x > area.left && x < area.right && y > area.top && y < area.bottom) back = mark;
      }
      if (back) return parse(getComputedStyle(back).fill).rgb;
    }
    for (let around = element; around; around = around.parentElement) {
      const color = parse(getComputedStyle(around).backgroundColor);
      if (color.alpha > 0) return color.rgb;
    }
    return [255, 255, 255];
  };
  const ownText = (element) => [...element.childNodes].some(
    (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  let texts = 0;
  for (const element of document.querySelectorAll("body *")) {
    if (["SCRIPT", "STYLE", "title", "OPTION"].includes(element.tagName) || !ownText(element) ||
        !shown(element)) continue;
    ++texts;
    const style = getComputedStyle(element);
    const color = parse(element.closest("svg") ? style.fill : style.color).rgb;
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = contrast(color, backOf(element));
    if (ratio < (large ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)}: ${told(element)}`);
  }
  if (texts < 50) faults.push(`only ${texts} texts were looked at`);

  let before = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const level = Number(heading.tagName[1]);
    if (level > before + 1) faults.push(`heading out of order: ${told(heading)}`);
    before = level;
  }
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.querySelector("main")) faults.push("no main");
  const ids = new Set();
  for (const element of document.querySelectorAll("[id]")) {
    if (ids.has(element.id)) faults.push(`id ${element.id} twice`);
    ids.add(element.id);
  }
  for (const link of document.querySelectorAll("a[href^='#']")) {
    if (!ids.has(link.hash.slice(1))) faults.push(`link to nowhere: ${link.hash}`);
  }
  for (const picture of document.querySelectorAll("svg")) {
    if (picture.getAttribute("role") !== "img" || !picture.getAttribute("aria-label"))
      faults.push("a picture without a name");
  }
  for (const control of document.querySelectorAll("input, select, button")) {
    if (!control.labels?.length && !control.textContent.trim()) faults.push("a control without a name");
  }
  for (const table of document.querySelectorAll("table")) {
    if (![...table.querySelectorAll("th")].every((head) => head.scope)) faults.push("a head without scope");
  }
  for (const area of document.querySelectorAll("*")) {
    if (shown(area) && area.scrollWidth > area.clientWidth + 1 && area.tabIndex < 0 &&
        ["auto", "scroll"].includes(getComputedStyle(area).overflowX))
      faults.push(`scrolled by mouse alone: ${told(area)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push("wider than the window");
  return faults;
})()
