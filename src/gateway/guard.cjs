// Loaded first into every thread of a build, by the script that the harness preloads. It keeps the build on loopback and
// notes what it was kept from. Where the kernel can, it enforces the same for every program, but tells nobody.
"use strict";
const dns = require("node:dns");
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const { fileURLToPath } = require("node:url");

const NOTES = path.join(__dirname, "logs", "denied.jsonl");
const MOST_NOTES = 100;
const EACCES = -13;
const ENETUNREACH = -101;

const { appendFileSync, existsSync } = fs;
const noted = new Set();
const note = (what, where) => {
  const line = JSON.stringify({ what, where: String(where).slice(0, 300) });
  if (noted.has(line) || noted.size >= MOST_NOTES) return;
  noted.add(line);
  try {
    appendFileSync(NOTES, `${line}\n`);
  } catch {
    // A full disk is no reason to stop the gateway.
  }
};

// A function in place of another one looks like it from outside.
const replace = (owner, name, make) => {
  const before = owner?.[name];
  if (typeof before !== "function") return;
  const after = make(before);
  Object.defineProperties(after, Object.getOwnPropertyDescriptors(before));
  owner[name] = after;
};

const loopback = new net.BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("0.0.0.0");
loopback.addAddress("::1", "ipv6");
loopback.addAddress("::", "ipv6");
const isHere = (address) => {
  const bare = String(address).split("%")[0];
  const family = net.isIP(bare);
  return family !== 0 && loopback.check(bare, family === 6 ? "ipv6" : "ipv4");
};
// What is no name at all is refused by Node itself.
const isLocalName = (name) =>
  typeof name !== "string" || name === "" || net.isIP(name) !== 0 || /^(.+\.)?localhost\.?$/i.test(name);

const binding = (name) => {
  try {
    return process.binding(name);
  } catch {
    return {};
  }
};

// Every connect of Node ends here, whoever has looked the address up.
const address = (host, port) => (net.isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`);
for (const name of ["connect", "connect6"]) {
  replace(binding("tcp_wrap").TCP?.prototype, name, (connect) => function (request, host, port) {
    if (!isHere(host)) {
      note("connect", address(host, port));
      return ENETUNREACH;
    }
    const failed = connect.apply(this, arguments);
    if (failed === EACCES) note("connect", address(host, port));
    return failed;
  });
  replace(binding("udp_wrap").UDP?.prototype, name, (connect) => function (host, port) {
    if (isHere(host)) return connect.apply(this, arguments);
    note("send", address(host, port));
    return ENETUNREACH;
  });
}
for (const name of ["send", "send6"]) {
  replace(binding("udp_wrap").UDP?.prototype, name, (send) => function (request, list, count, port, host) {
    // Without a port and an address it goes where the socket is connected to.
    if (typeof host !== "string" || isHere(host)) return send.apply(this, arguments);
    note("send", address(host, port));
    return ENETUNREACH;
  });
}
for (const name of ["bind", "bind6"]) {
  replace(binding("udp_wrap").UDP?.prototype, name, (bind) => function (host, port) {
    const failed = bind.apply(this, arguments);
    if (failed === EACCES) note("open a UDP socket", address(host, port));
    return failed;
  });
}

const places = [__dirname];
const isOutside = (place) => {
  const whole = path.resolve(place instanceof URL ? fileURLToPath(place) : String(place));
  return !places.some((inside) => whole === inside || whole.startsWith(inside + path.sep));
};
replace(binding("pipe_wrap").Pipe?.prototype, "connect", (connect) => function (request, place) {
  const isForeign = typeof place === "string" && (place.startsWith("\0") || (existsSync(place) && isOutside(place)));
  if (!isForeign) return connect.apply(this, arguments);
  note("connect", place.replaceAll("\0", "@"));
  return EACCES;
});

// Names of other machines are not even asked for.
const unknown = (syscall, hostname) =>
  Object.assign(new Error(`${syscall} ENOTFOUND ${hostname}`), { errno: -3008, code: "ENOTFOUND", syscall, hostname });
const refuse = (owner, name, syscall, isAsync) =>
  replace(owner, name, (ask) => function (hostname, ...rest) {
    if (isLocalName(hostname) && !(name === "lookupService" && !isHere(hostname))) return ask.call(this, hostname, ...rest);
    note("look up", hostname);
    const error = unknown(syscall, hostname);
    if (isAsync) return Promise.reject(error);
    const tell = rest.findLast((one) => typeof one === "function");
    if (!tell) throw error;
    process.nextTick(tell, error);
    return {};
  });
for (const [owner, isAsync] of [
  [dns, false],
  [dns.Resolver.prototype, false],
  [dns.promises, true],
  [dns.promises.Resolver.prototype, true],
]) {
  refuse(owner, "lookup", "getaddrinfo", isAsync);
  refuse(owner, "lookupService", "getnameinfo", isAsync);
  for (const name of Object.getOwnPropertyNames(owner)) {
    const type = /^(?:resolve(?<kind>\w*)|reverse)$/.exec(name);
    if (type) refuse(owner, name, `query${type.groups.kind ?? ""}`, isAsync);
  }
}

// What the kernel denies is noted. Reading is nobody's business.
const isForReading = (flags) =>
  flags === undefined || typeof flags === "function" || flags === "r" || flags === "rs" || (Number.isInteger(flags) && (flags & 3) === 0);
const denied = (error, name, args) => {
  if (error?.code !== "EACCES" && error?.code !== "EPERM" && error?.code !== "EROFS") return;
  if (name === "open" && isForReading(args[1])) return;
  const where = [error.dest, error.path, args[0]].find((one) => typeof one === "string" && isOutside(one));
  if (where !== undefined) note("write", path.resolve(where));
};
const WRITING =
  "open writeFile appendFile mkdir mkdtemp rm rmdir unlink truncate rename copyFile cp link symlink".split(" ");
for (const name of WRITING) {
  replace(fs, `${name}Sync`, (call) => function (...args) {
    try {
      return call.apply(this, args);
    } catch (error) {
      denied(error, name, args);
      throw error;
    }
  });
  replace(fs, name, (call) => function (...args) {
    const tell = args.at(-1);
    if (typeof tell !== "function") return call.apply(this, args);
    const told = function (error) {
      denied(error, name, args);
      return tell.apply(this, arguments);
    };
    return call.apply(this, [...args.slice(0, -1), told]);
  });
  replace(fs.promises, name, (call) => function (...args) {
    const done = call.apply(this, args);
    done.catch((error) => denied(error, name, args));
    return done;
  });
}
