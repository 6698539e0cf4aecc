// The mesh as a graph that lives. Forces lay it out when its members change, and rest otherwise; what flies along its links is
// animated by the browser alone.

import { calm, keyed, s, say } from "./dom.js";
import { hue, short, span } from "./words.js";
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from "./vendor/d3-force.js";

/** Width and height of the picture: a narrow screen gets one that is higher, so that names can be read. */
const WIDE = [900, 570];
const NARROW = [520, 520];
/** Most messages in the air at once; beyond, those that come are not drawn. */
const FLYING_MAX = 120;
const NODE = 30;

/** A graph below `root`. `choose(row)` is called for a member that is clicked. */
export function graph(root, choose) {
  const narrow = matchMedia("(max-width: 640px)").matches;
  const [WIDTH, HEIGHT] = narrow ? NARROW : WIDE;
  const layers = Object.fromEntries(["links", "labels", "air", "nodes"].map((name) => [name, s("g", { class: name })]));
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "mesh-graph", role: "group", "aria-label": "Keepers and the links between them" }, layers.links, layers.labels, layers.air, layers.nodes);
  root.append(svg);
  const nodes = new Map();
  let links = [];
  let size = NODE;
  let flying = 0;
  const simulation = forceSimulation([]).alphaDecay(0.06).velocityDecay(0.38).on("tick", place).stop();

  function place() {
    const margin = size + (narrow ? 30 : 24);
    for (const node of nodes.values()) {
      node.x = Math.max(margin + 30, Math.min(WIDTH - margin - 30, node.x));
      node.y = Math.max(margin, Math.min(HEIGHT - margin - 14, node.y));
      node.element?.setAttribute("transform", `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`);
    }
    for (const link of links) {
      const path = curve(link.source, link.target);
      link.element.setAttribute("d", path);
      const [bent] = bow(link.source, link.target);
      const middle = (axis) => ((link.source[axis] + link.target[axis]) / 4 + bent[axis] / 2).toFixed(1);
      link.label?.setAttribute("transform", `translate(${middle("x")} ${middle("y")})`);
    }
  }

  /** Shows members and links; `leading` and `next` are rows. */
  function show(mesh, { leading, next, connected }) {
    const members = mesh.members.filter((member) => member.stake !== "0" || member.connected);
    const had = [...nodes.keys()].join();
    size = members.length > 40 ? 11 : members.length > 16 ? 16 : NODE;
    const wide = size < NODE ? 0.36 : 0.29;
    svg.style.setProperty("--links", String(Math.max(0.06, Math.min(0.75, 45 / (mesh.links.length || 1)))));
    svg.classList.toggle("many", size < NODE);
    const fresh = new Set(members.map((member) => member.index));
    [...nodes.keys()].filter((index) => !fresh.has(index)).forEach((index) => nodes.delete(index));
    members.forEach((member, at) => {
      const around = (at / members.length) * 2 * Math.PI - Math.PI / 2;
      const start = { x: WIDTH / 2 + Math.cos(around) * WIDTH * wide, y: HEIGHT / 2 + Math.sin(around) * HEIGHT * (wide + 0.04) };
      const node = nodes.get(member.index) ?? nodes.set(member.index, start).get(member.index);
      Object.assign(node, { member, home: start, here: member.me || connected.has(member.index) });
    });
    links = mesh.links.filter((link) => nodes.has(link.a) && nodes.has(link.b)).map(({ a, b, rtt_ms: rtt }) => ({ source: nodes.get(Math.min(a, b)), target: nodes.get(Math.max(a, b)), rtt, id: `${Math.min(a, b)}-${Math.max(a, b)}` })).filter((link) => link.source.here && link.target.here);
    draw(leading, next, members.length <= 12);
    if (had !== [...nodes.keys()].join()) settle();
    else place();
  }

  function draw(leading, next, named) {
    keyed(layers.links, links, (link) => link.id, () => s("path", { class: "link" }), (element, link) => {
      link.element = element;
      element.classList.toggle("slow", link.rtt > 250);
    });
    keyed(layers.labels, named ? links.filter((link) => link.rtt !== null) : [], (link) => link.id, () => s("g", { class: "rtt" }, s("rect", { x: -25, y: -9, width: 50, height: 18, rx: 9 }), s("text", { dy: "0.36em" })), (element, link) => {
      link.label = element;
      say(element.lastChild, span(link.rtt));
    });
    keyed(layers.nodes, [...nodes.values()], (node) => node.member.index, make, (element, node) => {
      const { member } = node;
      node.element = element;
      element.setAttribute("class", ["node", member.index === leading && "leading", member.index === next && "next", member.me && "me", node.here ? "here" : "gone"].filter(Boolean).join(" "));
      const name = element.querySelector(".name");
      say(name, size < NODE ? "" : short(member.operator));
      say(element.querySelector(".role"), size < NODE ? "" : !node.here ? "gone" : member.index === leading ? "leads" : member.me ? "this keeper" : member.index === next ? "next" : "");
      say(element.querySelector(".row"), String(member.index));
    });
  }

  function make({ member }) {
    const press = (event) => {
      if (event.type === "click" || event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose(member.index);
      }
    };
    return s("g", { tabindex: "0", role: "button", style: { "--hue": String(hue(member.index)) }, on: { click: press, keydown: press } },
      s("circle", { class: "halo", r: size + 15 }), s("circle", { class: "turn", r: size + 8 }), s("circle", { class: "body", r: size }),
      s("text", { class: "row", dy: "0.36em" }), s("text", { class: "name", y: size + 23 }), s("text", { class: "role", y: -(size + 15) }));
  }

  /** Finds places: each near its own on the ring, so that the picture is the same after a reload, and held together by links. */
  function settle() {
    const each = links.length > 0 ? (2 * links.length) / nodes.size : 1;
    simulation.nodes([...nodes.values()])
      .force("link", forceLink(links).distance(size < NODE ? 130 : WIDTH * 0.24).strength(Math.min(0.05, 0.2 / each)))
      .force("charge", forceManyBody().strength(size < NODE ? -90 : -520))
      .force("apart", forceCollide(size + (size < NODE ? 7 : 34)))
      .force("x", forceX((node) => node.home.x).strength(0.16))
      .force("y", forceY((node) => node.home.y).strength(0.22));
    simulation.alpha(1);
    if (calm() || nodes.size > 24) {
      simulation.tick(140);
      place();
    } else simulation.restart();
  }

  /** A message flies from one keeper to another. */
  function fly(from, to, kind) {
    const [a, b] = [nodes.get(from), nodes.get(to)];
    if (!a?.element || !b?.element || document.hidden) return;
    if (from === to || calm()) return flash(from, kind);
    if (flying >= FLYING_MAX) return;
    flying += 1;
    // Along the link, which bends the same way whoever speaks.
    const [middle, length] = from < to ? bow(a, b) : bow(b, a);
    const dot = s("circle", { class: `flying ${kind}`, r: 5, style: { "--hue": String(hue(from)) } });
    layers.air.append(dot);
    const steps = Array.from({ length: 9 }, (_, at) => {
      const t = at / 8;
      const on = (start, through, end) => (1 - t) ** 2 * start + 2 * t * (1 - t) * through + t ** 2 * end;
      return { transform: `translate(${on(a.x, middle.x, b.x).toFixed(1)}px, ${on(a.y, middle.y, b.y).toFixed(1)}px)`, opacity: at === 0 || at === 8 ? 0.2 : 1 };
    });
    const flight = dot.animate(steps, { duration: 420 + length * 0.7, easing: "cubic-bezier(.4,0,.3,1)" });
    const land = () => {
      flying -= 1;
      dot.remove();
    };
    flight.onfinish = land;
    flight.oncancel = land;
  }

  /** A keeper lights up for a moment. */
  function flash(index, kind) {
    const node = nodes.get(index);
    if (!node?.element || document.hidden || calm()) return;
    const ring = s("circle", { class: `ripple ${kind}`, r: size, style: { "--hue": String(hue(index)) } });
    node.element.prepend(ring);
    ring.animate([{ transform: "scale(1)", opacity: 0.9 }, { transform: "scale(2.3)", opacity: 0 }], { duration: 900, easing: "ease-out" }).onfinish = () => ring.remove();
  }

  return { show, fly, flash, stop: () => simulation.stop() };
}

/** The point through which a link bends, a little to one side, and its length. */
function bow(a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy) || 1;
  const side = Math.min(26, length * 0.09);
  return [{ x: (a.x + b.x) / 2 - (dy / length) * side, y: (a.y + b.y) / 2 + (dx / length) * side }, length];
}

function curve(a, b) {
  const [middle] = bow(a, b);
  return `M${a.x.toFixed(1)} ${a.y.toFixed(1)}Q${middle.x.toFixed(1)} ${middle.y.toFixed(1)} ${b.x.toFixed(1)} ${b.y.toFixed(1)}`;
}
