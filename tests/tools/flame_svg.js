// Run the script of a flame graph in a document of objects, as far as it needs one, and print what can be seen.
// Usage: node flame_svg.js FILE STEP...
// Steps: "width=N" (the window's), "click=NAME" (the first frame of that name), "over=NAME", "out", "search=WORD",
// "key=KEY", "reset" (the button).  After each: what the lines say, and the frames: name, x, width and label.
'use strict';
const fs = require('fs');

class Node {
  constructor(tag) {
    Object.assign(this, { tag, attributes: {}, children: [], parentNode: null, own: '', style: {}, events: {}, value: '' });
  }
  getAttribute(name) { return name in this.attributes ? this.attributes[name] : null; }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  appendChild(child) { child.parentNode = this; this.children.push(child); return child; }
  get textContent() { return this.own + this.children.map((c) => c.textContent).join(''); }
  set textContent(text) { this.children = []; this.own = String(text); }
  get classes() { return (this.attributes.class || '').split(' ').filter(Boolean); }
  get classList() {
    return {
      add: (name) => { this.attributes.class = this.classes.filter((c) => c !== name).concat(name).join(' '); },
      toggle: (name, on) => {
        this.attributes.class = this.classes.filter((c) => c !== name).concat(on ? name : []).join(' ');
      },
    };
  }
  find(test) {
    for (const c of this.children) {
      const got = test(c) ? c : c.find(test);
      if (got) return got;
    }
    return null;
  }
  querySelector(what) {
    return this.find((n) => what[0] === '.' ? n.classes.includes(what.slice(1)) : n.tag === what);
  }
  addEventListener(name, f) { this.events[name] = f; }
  focus() { focused = this; }
  get ownerSVGElement() { return svg; }
  getComputedTextLength() { return this.own.length * 7.26; }
  fire(name, event) { this.events[name](event); }
}

function parse(text) {
  const entity = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
  const plain = (s) => s.replace(/&(\w+);/g, (_, name) => entity[name]);
  const top = new Node('#document');
  let at = top;
  const piece = /<!\[CDATA\[([^]*?)\]\]>|<\?[^>]*>|<\/[\w]+>|<(\w+)((?: [\w:-]+="[^"]*")*)(\/?)>|[^<]+/g;
  for (const m of text.matchAll(piece)) {
    if (m[1] !== undefined) {
      at.own += m[1];
    } else if (m[2]) {
      const node = at.appendChild(new Node(m[2]));
      for (const a of m[3].matchAll(/([\w:-]+)="([^"]*)"/g)) node.setAttribute(a[1], plain(a[2]));
      if (!m[4]) at = node;
    } else if (m[0].startsWith('</')) {
      at = at.parentNode;
    } else if (m[0][0] !== '<') {
      at.own += at.children.length ? '' : plain(m[0]);
    }
  }
  return top.children[0];
}

let focused = null;
const svg = parse(fs.readFileSync(process.argv[2], 'utf8'));
const script = svg.querySelector('script');
const window = new Node('#window');
Object.assign(window, { innerWidth: 1200, innerHeight: 1000 });
const document = {
  documentElement: svg, currentScript: script, createElementNS: (_, tag) => new Node(tag),
};
const was = places();
new Function('document', 'window', script.textContent)(document, window);
// At the static picture's width the script changes nothing but digits behind the second.
places().forEach((now, i) => {
  const same = now.label === was[i].label && Math.abs(now.x - was[i].x) < 0.02 && Math.abs(now.width - was[i].width) < 0.02;
  if (!same) throw new Error('the layout differs: ' + JSON.stringify(was[i]) + ' ' + JSON.stringify(now));
});

function frames() { return svg.querySelector('.frames').children; }
function nameOf(g) { return g.querySelector('title').textContent.replace(/\n[^\n]*$/, ''); }
function named(name) {
  const g = frames().find((f) => nameOf(f) === name);
  if (!g) throw new Error('no frame ' + name);
  return g;
}
function places() {
  return frames().map((g) => {
    const rect = g.querySelector('rect'), text = g.querySelector('text');
    return { x: +rect.getAttribute('x'), width: +rect.getAttribute('width'), label: text ? text.textContent : '' };
  });
}
function seen() {
  return frames().filter((g) => g.style.display !== 'none').map((g) => {
    const rect = g.querySelector('rect'), text = g.querySelector('text');
    const marks = ['above', 'hit'].filter((c) => g.classes.includes(c)).map((c) => ' ' + c).join('');
    return nameOf(g) + ' ' + Math.round(rect.getAttribute('x')) + ' ' + Math.round(rect.getAttribute('width')) +
      (text && text.textContent ? ' "' + text.textContent + '"' : '') + marks;
  });
}
function lines() {
  const texts = svg.children.filter((c) => c.tag === 'text' && c.style.display !== 'none').slice(2);
  return texts.map((t) => t.textContent).filter(Boolean);
}

const input = svg.find((n) => n.tag === 'input');
for (const step of process.argv.slice(3)) {
  const [what, arg] = step.split('=');
  if (what === 'width') { window.innerWidth = +arg; window.fire('resize'); }
  if (what === 'click') named(arg).fire('click');
  if (what === 'over') named(arg).fire('mouseover');
  if (what === 'out') frames()[0].fire('mouseout');
  if (what === 'search') { input.value = arg; input.fire('input'); }
  if (what === 'key') window.fire('keydown', { key: arg, target: svg, preventDefault() {} });
  if (what === 'reset') svg.find((n) => n.textContent === 'show all').fire('click');
  console.log([step].concat(lines(), seen(), focused ? ['the search has the keys'] : []).join('\n'));
}
