// Figures that the reader operates. A <course-figure>, which `interactive` in book/measured.py
// writes, holds its data as JSON and takes the place of the picture in the figure that it names.
// Where the data is wrong the console says so and the picture stays. Every number comes from the
// chapter: only means over units and differences between states are taken here.
//
// What each kind reads (T words, H units, S source words, N distances; "?" may be left out):
//   unrolled   variants: [{label, tokens: T, states: T×H, from_state?: T×H, from_word?: T×H}]
//   gradient   distance: N, curves: [{radius, activation?, norms: N, predicted?: N}]
//   gates      variants: [{label, tokens: T, gates: {i: T×H, ...} in [0, 1], c?: T×H}]
//   attention  variants: [{label, target: T, source: S, weights: T×S in [0, 1]}]
// A single variant may stand alone, without the list. `labels` renames what LABELS names.
(() => {
  "use strict";

  const LABELS = {
    variant: "Sentence",
    step: "Word",
    gate: "Gate",
    unit: "Unit",
    cell: "cell state c",
    i: "input gate i",
    f: "forget gate f",
    o: "output gate o",
    r: "reset gate r",
    z: "update gate z",
    radius: "Spectral radius",
    activation: "Activation",
    distance: "Steps back",
    norm: "norm of the gradient",
    predicted: "predicted",
    target: "Word written",
    source: "looks at",
  };

  const maker = (space) => (tag, attributes = {}, ...children) => {
    const node = document.createElementNS(`http://www.w3.org/${space}`, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const html = maker("1999/xhtml");
  const svg = maker("2000/svg");

  // Numbers as words

  const fixed = (x, digits = 2) => {
    const text = x.toFixed(digits);
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
  };
  const percent = (p) => (p > 0 && p < 0.005 ? "< 1 %" : `${Math.round(100 * p)} %`);
  const spoken = (x) => {
    if (x === 0 || (x >= 0.001 && x < 10000)) return String(Number(x.toPrecision(3)));
    const [digits, power] = x.toExponential(1).split("e");
    return `${digits} times 10 to the power ${fixed(Number(power), 0)}`;
  };
  const mean = (row) => row.reduce((sum, x) => sum + x, 0) / row.length;
  const largest = (numbers) => numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

  // What is wrong with the data

  function demand(condition, message) {
    if (!condition) throw Error(message);
  }
  function demandNumbers(name, row, length, low = -Infinity, high = Infinity) {
    const right = Array.isArray(row) && row.length === length && row.every(Number.isFinite);
    demand(right, `${name} must hold ${length} numbers`);
    demand(row.every((x) => x >= low && x <= high), `${name} must lie in [${low}, ${high}]`);
  }
  function demandMatrix(name, rows, length, width, ...range) {
    const right = Array.isArray(rows) && rows.length === length && width > 0;
    demand(right, `${name} must hold ${length} rows, one a word`);
    rows.forEach((row, index) => demandNumbers(`${name}[${index}]`, row, width, ...range));
  }
  function demandWords(name, words) {
    const right = Array.isArray(words) && words.every((word) => typeof word === "string");
    demand(right && words.length, `${name} must be a list of words`);
  }
  const WORDS = ["tokens", "target", "source"];
  const visible = (words) =>
    Array.isArray(words) ? words.map((word) => (/^\s*$/.test(word) ? "␣" : word)) : words;
  function variantsOf(data) {
    const variants = data.variants ?? [{ label: "", ...data }];
    demand(Array.isArray(variants) && variants.length, "variants must be a list");
    for (const one of variants) demand(typeof one.label === "string", "a variant has no label");
    return variants.map((one) => {
      const lists = Object.entries(one).filter(([name]) => WORDS.includes(name));
      return { ...one, ...Object.fromEntries(lists.map(([name, list]) => [name, visible(list)])) };
    });
  }

  // Controls. A state holds the index chosen at each; `refresh` brings index and control together.

  function slider(label, count, text, start = 0) {
    const input = html("input", { type: "range", min: 0, max: count({}) - 1, value: start });
    input.setAttribute("aria-label", label);
    const shown = html("b");
    return {
      node: html("label", { class: "slider" }, html("span", {}, `${label}: `, shown), input),
      get index() {
        return Number(input.value);
      },
      set index(value) {
        input.value = value;
      },
      refresh(state, name) {
        input.max = count(state) - 1;
        state[name] = Math.min(state[name], count(state) - 1);
        shown.textContent = text(state[name], state);
        input.setAttribute("aria-valuetext", text(this.index, state));
      },
    };
  }

  let groups = 0;

  function choice(label, names) {
    const group = `course-figure-${groups++}`;
    const legend = html("legend", {}, label);
    const node = html("fieldset", {}, legend);
    const buttons = () => [...node.querySelectorAll("input")];
    let written = [];
    function write(name) {
      const labels = written.map((text, index) => {
        const button = html("input", { type: "radio", name: group });
        return html("label", { [`data-${name}`]: index }, button, text);
      });
      node.replaceChildren(legend, ...labels);
    }
    return {
      node,
      get index() {
        return Math.max(0, buttons().findIndex((button) => button.checked));
      },
      set index(value) {
        buttons()[value].checked = true;
      },
      refresh(state, name) {
        const wanted = names(state);
        state[name] = Math.min(state[name], wanted.length - 1);
        if (wanted.join("\n") === written.join("\n")) return;
        written = wanted;
        write(name);
        this.index = state[name];
      },
    };
  }

  const choiceOf = (variants, labels) =>
    variants.length > 1 && {
      variant: choice(labels.variant, () => variants.map((one) => one.label)),
    };
  const sliderOver = (tokensOf, labels) =>
    slider(
      labels.step,
      (state) => tokensOf(state).length,
      (t, state) => `t = ${t}, “${tokensOf(state)[t]}”`,
    );

  // Drawing

  const canvas = (width, height, title) => {
    const size = { width, height, viewBox: `0 0 ${width} ${height}` };
    return svg("svg", { ...size, role: "img", "aria-label": title });
  };
  const place = { start: {}, middle: { "text-anchor": "middle" }, end: { "text-anchor": "end" } };
  const write = (x, y, words, side = "start", more = {}) =>
    svg("text", { x, y, ...place[side], ...more }, words);
  const rect = (x, y, width, height, attributes) =>
    svg("rect", { x, y, width: Math.max(0, width), height, ...attributes });
  const area = (x, y, width, height, data = {}) =>
    rect(x, y, width, height, { fill: "transparent", ...data });
  const line = (points, name) => {
    const d = `M${points.map((point) => point.map((x) => x.toFixed(1))).join("L")}`;
    return svg("path", { d, fill: "none", class: name });
  };
  function arrow(x1, y1, x2, y2) {
    const [a, b] = [Math.sign(x2 - x1), Math.sign(y2 - y1)];
    const wing = (side) => [x2 - 6 * a + 4 * side * b, y2 - 6 * b + 4 * side * a];
    const shaft = [[x1, y1], [x2, y2]];
    return svg("g", { class: "arrow" }, line(shaft, ""), line([wing(1), [x2, y2], wing(-1)], ""));
  }
  const small = (shift, words) => svg("tspan", { dy: shift }, words);
  const symbol = (x, y, letter, index) =>
    svg("text", { x, y, class: "symbol" }, letter, small(4, index));

  // One of ten colours, and the ink that is legible on it; black below a half as in the pictures
  const tenth = (value) => Math.min(9, Math.floor(10 * value + 1e-9));
  const shade = (value) => `var(--tenth-${tenth(value)})`;
  const inkOn = (value) => `var(--${tenth(value) < 5 ? "ink" : "paper"})`;
  const tile = (x, y, width, height, value, data = {}) =>
    rect(x, y, width, height, { style: `fill:${shade(value)}`, class: "tile", ...data });

  const LETTER = 8.2; // pixels that a bold letter takes, on the safe side
  const roomFor = (words) => LETTER * Math.max(...words.map((word) => word.length)) + 8;
  const cut = (word, room) => {
    const letters = Math.max(2, Math.floor((room - 8) / LETTER + 1e-9));
    return word.length > letters ? `${word.slice(0, letters - 1)}…` : word;
  };
  const now = (condition) => (condition ? "now" : "");

  // The kinds. Each has controls, draws a state, says it in words, and may list it as a table.

  function unrolled(data, labels) {
    const variants = variantsOf(data);
    const H = variants[0].states?.[0]?.length;
    for (const { tokens, states, from_state, from_word } of variants) {
      demandWords("tokens", tokens);
      demandMatrix("states", states, tokens.length, H);
      if (from_state) demandMatrix("from_state", from_state, tokens.length, H);
      if (from_word) demandMatrix("from_word", from_word, tokens.length, H);
    }
    const scale = Math.max(1, ...variants.map((one) => largest(one.states.flat())));
    const chosen = (state) => variants[state.variant ?? 0];
    const otherThan = (one) => variants.find((other) => other !== one);
    const gapAt = (t, one, other) =>
      other?.states[t] && largest(one.states[t].map((value, j) => value - other.states[t][j]));

    function layOut(T, width, least) {
      const lead = 32;
      const lines = Math.ceil(T / Math.max(1, Math.floor((width - lead - 22) / least)));
      const columns = Math.ceil(T / lines);
      const pitch = Math.min(104, (width - lead - 22) / columns);
      const row = Math.min(16, Math.max(2, 110 / H));
      return { lead, lines, columns, pitch, row, box: Math.min(72, pitch - 28), tall: H * row + 8 };
    }

    function drawUnits(t, { one, other, middle, top, row, box }, pale) {
      const reach = (value) => (value / scale) * (box / 2 - 3);
      return one.states[t].flatMap((value, unit) => {
        const y = top + 4 + unit * row;
        const end = reach(value);
        const gap = row > 4 ? 1 : 0.25;
        const bar = rect(middle + Math.min(0, end), y + gap, Math.abs(end), row - 2 * gap, {});
        bar.setAttribute("class", `bar ${pale}`);
        if (!other?.states[t]) return [bar];
        const mark = middle + reach(other.states[t][unit]) - 1.5;
        return [bar, rect(mark, y, 3, row, { class: `other ${pale}` })];
      });
    }

    function drawStep(t, state, { one, other, left, top, first, ...layout }) {
      const { pitch, box, tall } = layout;
      const before = left + box - pitch;
      const middle = left + box / 2;
      const foot = top + tall;
      const step = svg("g", { "data-step": t, class: now(t === state.step) });
      const units = { one, other, middle, top, ...layout };
      step.append(
        area(before, top - 22, pitch, tall + 96),
        arrow(before, top + 10, left - 1, top + 10),
        symbol(before + (left - before) / 2 - 14, top - 9, "W", "hh"),
        arrow(middle, foot + 32, middle, foot + 2),
        symbol(middle + 6, foot + 20, "W", "xh"),
        rect(left, top, box, tall, { class: "box" }),
        line([[middle, top + 3], [middle, foot - 3]], "axis"),
        ...drawUnits(t, units, t > state.step ? "later" : ""),
        write(middle, foot + 50, cut(one.tokens[t], pitch), "middle"),
      );
      if (t === 0) step.append(write(before - 11, top + 15, "0"));
      else if (first) step.append(symbol(before - 28, top + 13, "h", t - 1));
      const gap = gapAt(t, one, other);
      if (gap !== undefined) step.append(write(middle, foot + 69, `Δ ${fixed(gap)}`, "middle"));
      return step;
    }

    function draw(state, width, title) {
      const one = chosen(state);
      const other = otherThan(one);
      const T = one.tokens.length;
      const layout = layOut(T, width, Math.max(58, Math.min(84, roomFor(one.tokens))));
      const { lead, lines, columns, pitch, box, tall } = layout;
      const deep = tall + (other ? 108 : 88);
      const picture = canvas(width, lines * deep, title);
      for (let t = 0; t < T; t++) {
        const left = lead + ((t % columns) + 1) * pitch - box - 2;
        const top = Math.floor(t / columns) * deep + 25;
        const first = t % columns === 0;
        picture.append(drawStep(t, state, { ...layout, one, other, left, top, first }));
      }
      const bars = `Bars: ${H} units, from −${spoken(scale)} (left) to ${spoken(scale)} (right)`;
      const key = [`${bars}; later steps are pale.`];
      if (other) key.push(`Marks: “${other.label}”. Δ: largest difference of a unit from it.`);
      return [picture, html("p", { class: "key" }, ...key.map((text) => html("span", {}, text)))];
    }

    function say(state) {
      const t = state.step;
      const one = chosen(state);
      const other = otherThan(one);
      const gap = gapAt(t, one, other);
      const values = one.states[t].map((x) => fixed(x));
      const range = [Math.min(...one.states[t]), Math.max(...one.states[t])].map((x) => fixed(x));
      const list = H <= 6 ? `(${values.join(", ")})` : `${H} numbers from ${range.join(" to ")}`;
      const words = [`After “${one.tokens[t]}” the state is ${list}.`];
      words.push("The two matrices are the same at every step.");
      if (gap === 0) words.push(`“${other.label}” has the same state here.`);
      else if (gap) {
        words.push(`“${other.label}” has just read “${other.tokens[t]}”;`);
        words.push(`its state differs by up to ${fixed(gap)}.`);
      }
      return words.join(" ");
    }

    function table(state) {
      const t = state.step;
      const one = chosen(state);
      const other = otherThan(one);
      const { from_state, from_word, states } = one;
      const all = { "from the state": from_state, "from the word": from_word, state: states };
      const columns = [...Object.entries(all), [other?.label, other?.states]];
      const used = columns.filter(([, rows]) => rows?.[t]);
      return {
        caption: `t = ${t}, “${one.tokens[t]}”`,
        head: ["unit", ...used.map(([name]) => name)],
        rows: states[t].map((_, unit) => [unit, ...used.map(([, rows]) => fixed(rows[t][unit]))]),
      };
    }

    const step = sliderOver((state) => chosen(state).tokens, labels);
    return { controls: { ...choiceOf(variants, labels), step }, draw, say, table };
  }

  function gradient({ distance, curves }, labels) {
    const N = distance?.length;
    demandNumbers("distance", distance, N);
    demand(N > 1 && distance.every((k, n) => !n || k > distance[n - 1]), "distance must grow");
    demand(Array.isArray(curves) && curves.length, "curves must be a list");
    for (const { radius, norms, predicted } of curves) {
      demand(Number.isFinite(radius), "a curve has no radius");
      demandNumbers(`norms at ${radius}`, norms, N, 0);
      if (predicted) demandNumbers(`predicted at ${radius}`, predicted, N, 0);
    }
    const kindOf = (curve) => curve.activation ?? "";
    const radii = [...new Set(curves.map((curve) => curve.radius))].sort((a, b) => a - b);
    const activations = [...new Set(curves.map(kindOf))];
    const find = (radius, activation) => {
      const found = curves.find((one) => one.radius === radius && kindOf(one) === activation);
      demand(found, `there is no curve of radius ${radius} and activation ${activation}`);
      return found;
    };
    for (const radius of radii) for (const activation of activations) find(radius, activation);
    const chosen = ({ radius, activation = 0 }) => find(radii[radius], activations[activation]);

    const positive = curves.flatMap((one) => [...one.norms, ...(one.predicted ?? [])]);
    const powers = positive.filter((norm) => norm > 0).map(Math.log10);
    demand(powers.length, "no norm is above 0");
    const low = Math.floor(Math.min(...powers));
    const high = Math.max(low + 1, Math.ceil(Math.max(...powers)));
    const [first, last] = [distance[0], distance.at(-1)];

    function layOut(width) {
      const height = Math.min(360, 190 + width / 4);
      const [left, right, top, bottom] = [48, width - 12, 26, height - 42];
      const across = (k) => left + ((k - first) / (last - first)) * (right - left);
      const upTo = (power) => bottom - ((power - low) / (high - low)) * (bottom - top);
      return { height, left, right, top, bottom, across, up: (x) => upTo(Math.log10(x)), upTo };
    }

    function drawAxes({ height, left, right, top, bottom, across, upTo }) {
      const parts = [line([[left, top], [left, bottom], [right, bottom]], "axis")];
      const every = Math.ceil((high - low) / 6);
      for (let power = Math.ceil(low / every) * every; power <= high; power += every) {
        const label = write(left - 6, upTo(power) + 4, "10", "end");
        label.append(small(-5, fixed(power, 0)));
        parts.push(line([[left, upTo(power)], [right, upTo(power)]], "grid"), label);
      }
      const rough = (last - first) / 5;
      const unit = 10 ** Math.floor(Math.log10(rough));
      const stride = unit * [1, 2, 5, 10].find((factor) => factor * unit >= rough * 0.999);
      for (let k = Math.ceil(first / stride) * stride; k <= last; k += stride) {
        parts.push(line([[across(k), bottom], [across(k), bottom + 4]], "axis"));
        parts.push(write(across(k), bottom + 18, String(Number(k.toPrecision(6))), "middle"));
      }
      parts.push(write(4, 14, labels.norm));
      parts.push(write(right, height - 6, labels.distance.toLowerCase(), "end"));
      return parts;
    }

    function drawCurve(values, name, { across, up }) {
      const runs = [[]]; // a norm of 0 is below every axis: the line has a hole there
      values.forEach((norm, n) => {
        if (norm > 0) runs.at(-1).push([across(distance[n]), up(norm)]);
        else runs.push([]);
      });
      return runs.filter((run) => run.length).map((run) => line(run, name));
    }

    function drawAreas({ left, right, top, bottom, across }) {
      const edges = distance.slice(1).map((k, n) => (across(k) + across(distance[n])) / 2);
      const [from, to] = [[left, ...edges], [...edges, right]];
      return distance.map((_, n) =>
        area(from[n], top, to[n] - from[n], bottom - top, { "data-distance": n }),
      );
    }

    function key(here) {
      const samples = [["curve", `measured at ${here.radius}`]];
      if (here.predicted) samples.push(["predicted", labels.predicted]);
      if (radii.length > 1) samples.push(["faint", "measured at the others"]);
      const nodes = samples.map(([name, words]) => {
        const size = { width: 28, height: 10, "aria-hidden": "true" };
        return html("span", {}, svg("svg", size, line([[0, 5], [28, 5]], name)), ` ${words}`);
      });
      return html("p", { class: "key" }, ...nodes);
    }

    function draw(state, width, title) {
      const layout = layOut(width);
      const here = chosen(state);
      const norm = here.norms[state.distance];
      const x = layout.across(distance[state.distance]);
      const others = radii.filter((radius) => radius !== here.radius);
      const picture = canvas(width, layout.height, title);
      picture.append(...drawAxes(layout));
      for (const radius of others)
        picture.append(...drawCurve(find(radius, kindOf(here)).norms, "faint", layout));
      picture.append(line([[x, layout.top], [x, layout.bottom]], "cursor"));
      picture.append(...drawCurve(here.norms, "curve", layout));
      picture.append(...drawCurve(here.predicted ?? [], "predicted", layout));
      const point = { cx: x, cy: layout.up(norm), r: 5, class: "point" };
      if (norm > 0) picture.append(svg("circle", point));
      picture.append(...drawAreas(layout));
      return [picture, key(here)];
    }

    function say(state) {
      const here = chosen(state);
      const n = state.distance;
      const [start, end] = [here.norms[0], here.norms.at(-1)];
      const names = [`${labels.radius} ${here.radius}`];
      if (here.activation) names.push(here.activation);
      names.push(`${labels.distance.toLowerCase()} ${distance[n]}`);
      let words = `${names.join(", ")}: the ${labels.norm} is ${spoken(here.norms[n])}`;
      if (here.predicted) words += `, ${labels.predicted} ${spoken(here.predicted[n])}`;
      if (!(start > 0 && end > 0)) return `${words}.`;
      const factor = Math.max(start / end, end / start);
      const verb = end < start ? "shrinks" : "grows";
      return `${words}. From ${first} to ${last} it ${verb} by a factor of ${spoken(factor)}.`;
    }

    const middle = (list) => Math.floor(list.length / 2);
    const over = (name, list) =>
      slider(labels[name], () => list.length, (index) => String(list[index]), middle(list));
    const controls = {
      ...(activations.length > 1 && { activation: choice(labels.activation, () => activations) }),
      radius: over("radius", radii),
      distance: over("distance", distance),
    };
    return { controls, draw, say };
  }

  function gates(data, labels) {
    const variants = variantsOf(data);
    const names = Object.keys(variants[0].gates ?? {});
    demand(names.length, "gates must hold at least one gate");
    const H = variants[0].gates[names[0]]?.[0]?.length;
    for (const { tokens, gates, c } of variants) {
      demandWords("tokens", tokens);
      for (const name of names)
        demandMatrix(`gate ${name}`, gates?.[name], tokens.length, H, 0, 1);
      if (c) demandMatrix("c", c, tokens.length, H);
    }
    const called = (name) => labels[name] ?? name;
    const chosen = (state) => variants[state.variant ?? 0];
    // At the slider 0 is the mean, so unit j stands at j + 1.
    const pick = (row, unit) => (unit ? row[unit - 1] : mean(row));
    const unitName = (unit) => (unit ? `unit ${unit - 1}` : `mean of ${H} units`);

    function layOut(one, width) {
      const word = Math.min(width * 0.32, roomFor(one.tokens));
      const tail = one.c ? 88 : 0;
      const strip = word + 54;
      const [top, row] = [24, 26];
      const bottom = top + one.tokens.length * row;
      return { word, tail, strip, each: (width - strip - tail - 4) / H, top, row, bottom, width };
    }

    function drawMemory(c, y, scale, { width, tail, row }) {
      const middle = width - tail + 22;
      const end = scale && (c / scale) * 18;
      return [
        line([[middle, y + 3], [middle, y + row - 3]], "axis"),
        rect(middle + Math.min(0, end), y + 6, Math.abs(end), row - 12, { class: "bar" }),
        write(width - 2, y + 18, fixed(c), "end"),
      ];
    }

    function drawWord(t, state, layout) {
      const { word, strip, each, top, row, width } = layout;
      const one = chosen(state);
      const values = one.gates[names[state.gate]][t];
      const value = pick(values, state.unit);
      const y = top + t * row;
      const ink = { style: `fill:${inkOn(value)}` };
      const step = svg("g", { "data-step": t, class: now(t === state.step) });
      step.append(
        area(0, y, width, row),
        write(word - 6, y + 18, cut(one.tokens[t], word), "end"),
        tile(word, y + 1, 46, row - 2, value),
        write(word + 23, y + 18, fixed(value), "middle", ink),
        ...values.map((one, unit) => {
          const data = { "data-step": t, "data-unit": unit + 1 };
          return tile(strip + unit * each, y + 1, each, row - 2, one, data);
        }),
      );
      if (one.c) {
        const all = variants.flatMap(({ c }) => (c ?? []).map((row) => pick(row, state.unit)));
        step.append(...drawMemory(pick(one.c[t], state.unit), y, largest(all), layout));
      }
      return step;
    }

    function drawFrames(state, { word, strip, each, top, row, bottom }) {
      const [wide, deep] = [each * H, bottom - top];
      const frame = { class: "frame" };
      const unit = rect(strip + (state.unit - 1) * each, top, each, deep, frame);
      return [
        rect(strip, top, wide, deep, { class: "outline" }),
        ...(state.unit ? [unit] : []),
        rect(word, top + state.step * row, strip - word + wide, row, frame),
      ];
    }

    function drawScale({ strip, bottom, width }) {
      const tenths = Array.from({ length: 10 }, (_, n) => n);
      const left = Math.min(strip, width - 180);
      return [
        ...tenths.map((n) => tile(left + 12 * n, bottom + 12, 12, 14, n / 10)),
        rect(left, bottom + 12, 120, 14, { class: "outline" }),
        write(left - 6, bottom + 24, "0, closed", "end"),
        write(left + 126, bottom + 24, "1, open"),
      ];
    }

    function draw(state, width, title) {
      const one = chosen(state);
      const layout = layOut(one, width);
      const picture = canvas(width, layout.bottom + 34, title);
      const unit = state.unit ? `unit ${state.unit - 1}` : "mean";
      picture.append(write(layout.strip - 8, 15, unit, "end"));
      picture.append(write(layout.strip, 15, H > 1 ? `all, 0 to ${H - 1}` : "all"));
      if (one.c) picture.append(write(width - 2, 15, labels.cell, "end"));
      one.tokens.forEach((_, t) => picture.append(drawWord(t, state, layout)));
      picture.append(...drawFrames(state, layout), ...drawScale(layout));
      return [picture];
    }

    function say(state) {
      const { tokens, gates, c } = chosen(state);
      const t = state.step;
      const name = names[state.gate];
      const row = gates[name][t];
      const ends = [Math.min(...row), Math.max(...row)];
      const [low, high] = ends.map((x) => `${fixed(x)} in unit ${row.indexOf(x)}`);
      const spread = !state.unit && H > 1 ? `, from ${low} to ${high}` : "";
      const value = `${fixed(pick(row, state.unit))} (${unitName(state.unit)}${spread})`;
      const words = [`At “${tokens[t]}” the ${called(name)} is ${value}.`];
      if (c) words.push(`After it the ${labels.cell} is ${fixed(pick(c[t], state.unit))}.`);
      return words.join(" ");
    }

    function table(state) {
      const { tokens, gates, c } = chosen(state);
      const columns = names.map((name) => [name, gates[name]]);
      if (c) columns.push([labels.cell, c]);
      const numbers = (t) => columns.map(([, rows]) => fixed(pick(rows[t], state.unit)));
      return {
        caption: unitName(state.unit),
        head: ["word", ...columns.map(([name]) => name)],
        rows: tokens.map((token, t) => [token, ...numbers(t)]),
      };
    }

    const unitWords = (unit) => (unit ? String(unit - 1) : `mean of all ${H}`);
    const controls = {
      ...choiceOf(variants, labels),
      gate: choice(labels.gate, () => names.map(called)),
      unit: slider(labels.unit, () => H + 1, unitWords),
      step: sliderOver((state) => chosen(state).tokens, labels),
    };
    return { controls, draw, say, table };
  }

  function attention(data, labels) {
    const variants = variantsOf(data);
    for (const { target, source, weights } of variants) {
      demandWords("target", target);
      demandWords("source", source);
      demandMatrix("weights", weights, target.length, source.length, 0, 1);
    }
    const chosen = (state) => variants[state.variant ?? 0];

    function chips({ source, weights }, t) {
      const nodes = source.map((word, s) => {
        const p = weights[t][s];
        const style = `background:${shade(p)};color:${inkOn(p)}`;
        const box = html("span", { class: "word", style }, word);
        return html("span", { class: "chip" }, box, html("span", {}, percent(p)));
      });
      return html("p", { class: "chips" }, html("span", {}, labels.source), ...nodes);
    }

    function layOut({ target, source }, width) {
      const left = Math.min(width * 0.34, roomFor(target));
      const each = Math.min(64, (width - left - 4) / source.length);
      const upright = roomFor(source) > each;
      const top = upright ? Math.min(130, roomFor(source)) : 22;
      return { left, each, upright, top, row: Math.min(24, Math.max(17, each)) };
    }

    function drawSource(word, s, { left, each, upright, top }) {
      const x = left + (s + 0.5) * each;
      if (!upright) return write(x, 15, word, "middle");
      const turn = { transform: `translate(${x + 4} ${top - 5}) rotate(-90)` };
      return svg("text", turn, cut(word, top));
    }

    function drawTarget(t, state, { left, each, top, row }) {
      const { target, weights } = chosen(state);
      const y = top + t * row;
      const node = svg("g", { "data-target": t, class: now(t === state.target) });
      node.append(
        area(0, y, left, row),
        write(left - 6, y + row / 2 + 4.5, cut(target[t], left), "end"),
        ...weights[t].map((p, s) => tile(left + s * each, y, each, row, p)),
      );
      return node;
    }

    function draw(state, width, title) {
      const one = chosen(state);
      const layout = layOut(one, width);
      const { left, each, top, row } = layout;
      const [wide, deep] = [each * one.source.length, row * one.target.length];
      const picture = canvas(width, top + deep + 4, title);
      picture.append(
        ...one.source.map((word, s) => drawSource(word, s, layout)),
        ...one.target.map((_, t) => drawTarget(t, state, layout)),
        rect(left, top, wide, deep, { class: "outline" }),
        rect(left, top + state.target * row, wide, row, { class: "frame" }),
      );
      return [chips(one, state.target), picture];
    }

    function say(state) {
      const { target, source, weights } = chosen(state);
      const pairs = weights[state.target].map((p, s) => [p, source[s]]);
      const ranked = pairs.sort(([one], [other]) => other - one);
      const most = ranked.slice(0, 3).filter(([p]) => p > 0);
      const words = most.map(([p, word]) => `“${word}” ${percent(p)}`).join(", ");
      return `“${target[state.target]}” ${labels.source} ${words || "nothing"}.`;
    }

    const targets = choice(labels.target, (state) => chosen(state).target);
    targets.node.classList.add("words");
    return { controls: { ...choiceOf(variants, labels), target: targets }, draw, say };
  }

  const KINDS = { unrolled, gradient, gates, attention };

  class CourseFigure extends HTMLElement {
    connectedCallback() {
      if (this.started) return; // it has moved into its figure
      this.started = true;
      const name = this.getAttribute("figure");
      try {
        this.build(document.getElementById(name)?.querySelector("img"));
      } catch (error) {
        console.error(`figure ${name}: ${error.message}`);
      }
    }

    build(picture) {
      const figure = picture?.closest("figure");
      const kind = this.getAttribute("kind");
      demand(figure, "there is no such picture on this page");
      demand(Object.hasOwn(KINDS, kind), `there is no kind ${kind}`);
      const data = JSON.parse(this.textContent);
      this.view = KINDS[kind](data, { ...LABELS, ...data.labels });
      this.alt = picture.alt;
      this.width = figure.clientWidth;
      this.hovered = {};
      this.addParts();
      this.render();
      this.replace(picture, figure);
      this.listen();
    }

    addParts() {
      const controls = Object.values(this.view.controls).map((control) => control.node);
      this.drawing = html("div", { class: "drawing" });
      this.words = html("p", { role: "status" });
      this.append(html("div", { class: "controls" }, ...controls), this.drawing, this.words);
      if (!this.view.table) return;
      this.numbers = html("table");
      const summary = html("summary", {}, "These numbers as a table");
      this.append(html("details", {}, summary, this.numbers));
    }

    replace(picture, figure) {
      const cell = this.closest(".cell");
      this.setAttribute("role", "group");
      this.setAttribute("aria-label", "Interactive figure");
      picture.closest("figure > *").classList.add("still");
      figure.classList.add("interactive");
      figure.insertBefore(this, figure.querySelector("figcaption"));
      // The cell that brought the data is empty now, unless it shows its code or more outputs.
      if (cell && !cell.textContent.trim() && !cell.querySelector("img")) cell.hidden = true;
    }

    listen() {
      this.addEventListener("input", () => this.hover({}));
      // A finger does not hover; its tap is a click.
      this.addEventListener("pointerover", (event) => {
        if (event.pointerType === "mouse") this.hover(this.pointed(event));
      });
      this.addEventListener("pointerleave", () => this.hover({}));
      this.drawing.addEventListener("click", (event) => {
        const chosen = Object.entries(this.pointed(event));
        for (const [name, index] of chosen) this.view.controls[name].index = index;
        this.hover({});
      });
      new ResizeObserver(() => {
        this.width = this.clientWidth || this.width; // 0 while it is not shown, as in print
        this.render();
      }).observe(this);
    }

    pointed(event) {
      const place = event.target.closest("[data-step], [data-distance], [data-target]");
      const entries = Object.entries(place?.dataset ?? {});
      return Object.fromEntries(entries.map(([name, index]) => [name, Number(index)]));
    }

    hover(hovered) {
      this.hovered = hovered;
      this.render();
    }

    render() {
      const { controls, draw, say, table } = this.view;
      const state = {};
      for (const [name, control] of Object.entries(controls)) {
        state[name] = this.hovered[name] ?? control.index;
        control.refresh(state, name);
      }
      const wanted = JSON.stringify([state, this.width]);
      if (wanted === this.drawn) return;
      this.drawing.replaceChildren(...draw(state, this.width, this.alt));
      const words = say(state);
      if (words !== this.words.textContent) this.words.textContent = words; // said aloud each time
      if (table) this.fill(table(state));
      this.drawn = wanted;
    }

    fill({ caption, head, rows }) {
      const names = head.map((name) => html("th", { scope: "col" }, name));
      const lines = rows.map(([name, ...numbers]) => {
        const cells = numbers.map((number) => html("td", {}, number));
        return html("tr", {}, html("th", { scope: "row" }, String(name)), ...cells);
      });
      const top = html("thead", {}, html("tr", {}, ...names));
      this.numbers.replaceChildren(html("caption", {}, caption), top, html("tbody", {}, ...lines));
    }
  }

  customElements.define("course-figure", CourseFigure);
})();
