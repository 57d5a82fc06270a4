// npm @road-labs/ocmf reads cases from standard input and says in JSON what it finds of each. The argument is the folder of the packages.
const path = require("node:path");
const modules = process.argv[2];
const { Verifier } = require(path.join(modules, "@road-labs/ocmf"));
const crypto = require(path.join(modules, "@road-labs/ocmf-crypto-noble"));

async function verdict({ records, key }) {
  try {
    const adapter = new crypto.Crypto();
    const publicKey = await adapter.decodeEcPublicKey(Buffer.from(key, "hex"), "spki-der");
    for (const record of records) {
      const { verified } = await new Verifier(adapter).parseAndVerify(record, publicKey);
      if (!verified) return "invalid";
    }
    return "valid";
  } catch (error) {
    return `refused: ${error.message}`;
  }
}

const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", async () => {
  const found = [];
  for (const one of JSON.parse(Buffer.concat(chunks))) found.push(await verdict(one));
  console.log(JSON.stringify(found));
});
