#!/usr/bin/env node
// Every command that the documentation shows is one that the programs take: commands.mjs FOLDER_OF_PROGRAMS FILE.md...
//
// Of each line in a block of code, and of code within a line that begins with a program's name, the verbs are looked up in the
// programs' own --help, level by level, and the flags in the help of the verb they stand behind. What stands for a value
// (ADDRESS, 7, …) is not looked at. Paths of scripts of this repository must be there.
import {execFileSync} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';

const [folder, ...files] = process.argv.slice(2);
const helps = new Map();

/** What `program verbs… --help` prints, or nothing where there is no such verb. */
function help(program, verbs) {
  const key = [program, ...verbs].join(' ');
  if (!helps.has(key)) {
    let text;
    try {
      text = execFileSync(`${folder}/${program}`, [...verbs, '--help'], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']});
    } catch (error) {
      if (error.status === undefined || error.status === null) throw error;
    }
    helps.set(key, text);
  }
  return helps.get(key);
}

/** The verbs below one, as its help lists them. */
function verbsIn(text) {
  const list = text.split(/^Commands:$/m)[1]?.split(/^\S/m)[0] ?? '';
  return new Set([...list.matchAll(/^ {2}(\S+)/gm)].map((match) => match[1]));
}

const isValue = (word) => /^[^a-z-]|[…."'$/:=<>{}()]/.test(word) || word === '';

/** What is wrong with a command, if anything is. */
function wrong(program, words) {
  const verbs = [];
  let known = help(program, verbs);
  const flags = [];
  let isVerb = true;
  for (const word of words) {
    if (word.startsWith('--')) {
      if (word === '--') break;
      flags.push(word.replace(/[=,.:;].*$/, ''));
      // Flags before a verb take values; none of the documentation puts one there.
      isVerb = false;
      continue;
    }
    // Any of the verbs below: its flags are not known.
    if (word === '…' && verbsIn(known).size > 0) return undefined;
    if (!isVerb || word.startsWith('-') || isValue(word)) {
      isVerb = false;
      continue;
    }
    const below = verbsIn(known);
    const deeper = help(program, [...verbs, word]);
    const isHidden = deeper?.includes(`Usage: ${[program, ...verbs, word].join(' ')}`);
    if (below.has(word) || isHidden) {
      verbs.push(word);
      known = deeper;
    } else if (below.size > 0) {
      return `${[program, ...verbs].join(' ')} has no verb ${word}`;
    } else {
      isVerb = false;
    }
  }
  const missing = flags.find((flag) => !new RegExp(`(^|[\\s,\\[(])${flag}(?![a-z-])`, 'm').test(known));
  return missing && `${[program, ...verbs].join(' ')} has no flag ${missing}`;
}

const starts = [
  [/^\s*(?:\$ )?(?:\w+=\S* )*(?:\$?keeper|as_keeper) +(.+)/, 'keeper'],
  [/docker compose run --rm keeper +(.+)/, 'keeper'],
  [/docker compose exec keeper keeper +(.+)/, 'keeper'],
  [/ -- keeper +(.+)/, 'keeper'],
  [/^\s*bootnode +(.+)/, 'bootnode'],
  [/^\s*bootstrap\/swarm\.sh +(.+)/, 'swarm'],
];

/** The commands of a line: [program, words]. */
function commands(line) {
  const code = line.replace(/(^|\s)#.*$/, '').replace(/<!--.*?-->/g, '');
  for (const [start, program] of starts) {
    const rest = code.match(start)?.[1];
    if (rest) {
      // What follows in a pipe or a list is another command; brackets are what may be left out.
      const words = rest.split(/ (?:\||&&|;|>) ?|; |\\$/)[0].replace(/[[\]`]/g, ' ').trim().split(/\s+/);
      return [[program, words]];
    }
  }
  return [];
}

let [checked, failures] = [0, []];
for (const file of files) {
  let inBlock = false;
  readFileSync(file, 'utf8').split('\n').forEach((line, at) => {
    if (/^\s*(```|~~~)/.test(line)) {
      inBlock = !inBlock;
      return;
    }
    const spans = inBlock ? [line] : [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1]);
    for (const span of spans) {
      for (const [program, words] of commands(span)) {
        checked += 1;
        const why = wrong(program, words);
        if (why) failures.push(`${file}:${at + 1}: ${why}: ${span.trim()}`);
      }
      for (const [path] of span.matchAll(/(?<![\w./-])(?:bootstrap|tests|contracts|docs|\.ci)\/[\w./-]+\.(?:sh|mjs|yml|yaml|toml|service)\b/g)) {
        if (!existsSync(path)) failures.push(`${file}:${at + 1}: there is no ${path}`);
      }
    }
  });
}
failures.forEach((failure) => console.error(failure));
console.error(`${checked} commands looked up, ${failures.length} wrong`);
// Fewer than there are: then this script does not read them as it should.
process.exit(failures.length || checked < Number(process.env.AT_LEAST ?? 50) ? 1 : 0);
