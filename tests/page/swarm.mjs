// A swarm as a program that runs: where its page is, and whom it kills when it is asked to.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** How long it may take to start, with code still to be compiled, and until it kills somebody. */
const PATIENCE_MS = 240_000;

export class Network {
  #child;
  #folder;
  #lines = [];
  #waiting = [];

  /** Starts five keepers, and waits until they have jobs. */
  static async start(program) {
    const network = new Network();
    network.#folder = await mkdtemp(join(tmpdir(), "keeper-page-"));
    const child = spawn(program, ["--dir", join(network.#folder, "swarm")], { stdio: ["ignore", "pipe", "pipe"] });
    network.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (text) => network.#heard({ text, at: Date.now() }));
    }
    child.on("exit", () => network.#heard({ text: "the swarm has ended", at: Date.now() }));
    await network.#said(/^page {2,}http/);
    return network;
  }

  #heard(line) {
    this.#lines.push(line);
    this.#waiting = this.#waiting.filter((waiting) => !waiting(line));
  }

  /** The first line that fits, of those said already or to come. */
  #said(pattern, from = 0) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the swarm did not say ${pattern}\n${this.tail()}`)), PATIENCE_MS);
      const take = (line) => {
        const found = line.text.match(pattern);
        if (!found && line.text !== "the swarm has ended") return false;
        clearTimeout(timer);
        if (found) resolve({ ...line, found });
        else reject(new Error(`the swarm ended before it said ${pattern}\n${this.tail()}`));
        return true;
      };
      if (!this.#lines.slice(from).some(take)) this.#waiting.push(take);
    });
  }

  #node(name) {
    return JSON.parse(readFileSync(join(this.#folder, "swarm", name, "node.json"), "utf8"));
  }

  /** The page of the first keeper. */
  page() {
    return `http://${this.#node("keeper-1").api_addr}/`;
  }

  /** Has a leader killed: its name, operator, and when that was said. */
  async kill() {
    const from = this.#lines.length;
    const operators = new Map([2, 3, 4, 5].map((number) => [`keeper-${number}`, this.#node(`keeper-${number}`).operator.toLowerCase()]));
    this.#child.kill("SIGUSR1");
    const { at, found } = await this.#said(/killed (keeper-\d+), leader of window (\d+)/, from);
    return { at, name: found[1], operator: operators.get(found[1]), window: Number(found[2]) };
  }

  /** Sends a keeper a signal. */
  signal(name, signal) {
    process.kill(this.#node(name).pid, signal);
  }

  /** The part of a core that a keeper takes, over so many milliseconds. */
  async load(name, ms) {
    const { pid } = this.#node(name);
    // Ticks in user and in kernel mode, a hundred a second, behind the program's name in brackets.
    const ticks = () => readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ").slice(11, 13).reduce((sum, each) => sum + Number(each), 0);
    const [before, begun] = [ticks(), performance.now()];
    await new Promise((done) => setTimeout(done, ms));
    return (ticks() - before) / 100 / ((performance.now() - begun) / 1000);
  }

  tail() {
    return this.#lines.slice(-40).map((line) => line.text).join("\n");
  }

  async stop() {
    if (this.#child.exitCode === null) {
      const ended = new Promise((resolve) => this.#child.once("exit", resolve));
      this.#child.kill("SIGINT");
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
