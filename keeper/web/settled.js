// Which tasks settled in which block, as far as the strip of blocks shows them. A reorganisation takes one back; told twice, it counts once.

export class Settled {
  #at = new Map();
  #in = new Map();

  /** A task is in this block, and in no other; none if it is in none any more. */
  set(key, block) {
    const before = this.#at.get(key);
    if (before === block) return;
    const tasks = this.#in.get(before);
    tasks?.delete(key);
    if (tasks?.size === 0) this.#in.delete(before);
    if (block === null || block === undefined) return void this.#at.delete(key);
    this.#at.set(key, block);
    if (!this.#in.has(block)) this.#in.set(block, new Set());
    this.#in.get(block).add(key);
  }

  /** How many are in a block. */
  count(block) {
    return this.#in.get(block)?.size ?? 0;
  }

  /** Whether a task is in any. */
  has(key) {
    return this.#at.has(key);
  }

  /** Forgets the blocks before this one. */
  forget(first) {
    for (const [block, tasks] of this.#in) {
      if (block >= first) continue;
      tasks.forEach((key) => this.#at.delete(key));
      this.#in.delete(block);
    }
  }
}
