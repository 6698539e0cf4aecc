#!/usr/bin/env node
// A name server for one test: answers TXT questions on 127.0.0.1:53 from a file of lines as `bootnode dnsaddr` prints them.
import {createSocket} from 'node:dgram';
import {readFileSync} from 'node:fs';

const [file] = process.argv.slice(2);
const TXT = 16;

/** The name in a question, and where it ends. */
function nameAt(packet, at) {
  const labels = [];
  while (packet[at] !== 0) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + packet[at]));
    at += 1 + packet[at];
  }
  return [labels.join('.'), at + 1];
}

/** The texts of a name's records, in the file as it is now. */
function textsOf(name) {
  const lines = readFileSync(file, 'utf8').split('\n').map((line) => line.match(/^(\S+)\. (\d+) IN TXT "(.*)"$/)).filter(Boolean);
  return lines.filter((line) => line[1].toLowerCase() === name.toLowerCase()).map((line) => ({ttl: Number(line[2]), text: line[3]}));
}

function answer({ttl, text}) {
  const head = Buffer.alloc(13);
  head.writeUInt16BE(0xc00c, 0); // the question's name
  head.writeUInt16BE(TXT, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(text.length + 1, 10);
  head[12] = text.length;
  return Buffer.concat([head, Buffer.from(text, 'latin1')]);
}

const socket = createSocket('udp4');
socket.on('message', (packet, {port, address}) => {
  const [name, end] = nameAt(packet, 12);
  const found = packet.readUInt16BE(end) === TXT ? textsOf(name) : [];
  console.log(`${name}: ${found.length} records`);
  const head = Buffer.from(packet.subarray(0, 12));
  head.writeUInt16BE(found.length ? 0x8180 : 0x8183, 2); // an answer; else: no such name
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(found.length, 6);
  head.writeUInt32BE(0, 8);
  socket.send(Buffer.concat([head, packet.subarray(12, end + 4), ...found.map(answer)]), port, address);
});
socket.bind(53, '127.0.0.1');
