// check.mjs - config/kubernetes and docker/compose.yaml, by the schemas that
// the projects publish
//
// usage: node check.mjs CONFIG_DIRECTORY COMPOSE_FILE
//
// A manifest is judged twice: by the validator made of Kubernetes' OpenAPI
// document (or the ServiceMonitor's CRD), which knows formats and enumerations
// but passes over members it does not know; and by the compiler, which takes it
// for an object of that type and knows every member.

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv/dist/2019.js";
import formats from "ajv-formats";
import yaml from "js-yaml";

const [config, composeFile] = process.argv.slice(2);
let faults = 0;

function fault(where, what) {
    console.log(`${where}: ${what}`);
    faults++;
}

// Where a kind lives: the module of its class.
function moduleOf({ apiVersion, kind }) {
    const home = apiVersion.startsWith("monitoring.coreos.com/")
        ? "@kubernetes-models/prometheus-operator" : "kubernetes-models";
    return `${home}/${apiVersion}/${kind}`;
}

const manifests = [];
for (const name of readdirSync(join(config, "kubernetes")).sort())
    if (name.endsWith(".yaml") && name !== "kustomization.yaml")
        for (const thing of yaml.loadAll(readFileSync(
            join(config, "kubernetes", name), "utf8")))
            manifests.push({ thing, where: `${name}: ${thing.kind}` });

let program = "";
for (const [i, { thing, where }] of manifests.entries()) {
    const made = new (await import(moduleOf(thing)))[thing.kind](thing);
    try {
        made.validate();
    } catch (error) {
        fault(where, error.message);
    }
    program += `import type { I${thing.kind} as I${i} } from ` +
        `"${moduleOf(thing)}";\n` +
        `const thing${i}: I${i} = ${JSON.stringify(thing, null, 1)};\n` +
        `console.log(thing${i});\n`;
}
writeFileSync("manifests.ts", program);
try {
    execFileSync("node", ["node_modules/typescript/bin/tsc", "--noEmit",
        "--strict", "--skipLibCheck", "--target", "es2022", "--module",
        "nodenext", "--moduleResolution", "nodenext", "--lib", "es2022,dom",
        "manifests.ts"]);
} catch (error) {
    fault("as types", error.stdout.toString());
}

// The schema of compose-spec, as a linter of such files brings it.
const compose = JSON.parse(readFileSync(
    "node_modules/dclint/schemas/compose.schema.json", "utf8"));
const ajv = new Ajv({ strict: false, allErrors: true });
formats(ajv);
ajv.addFormat("duration", true); // "10s": not ISO 8601's
const valid = ajv.compile({ ...compose, $schema: undefined });
if (!valid(yaml.load(readFileSync(composeFile, "utf8"))))
    for (const error of valid.errors)
        fault(`compose.yaml: ${error.instancePath}`,
              `${error.message} ${JSON.stringify(error.params)}`);

console.log(`${manifests.length} manifests and compose.yaml: ` +
    (faults === 0 ? "as their schemas say" : `${faults} faults`));
process.exit(faults === 0 && manifests.length >= 5 ? 0 : 1);
