// What a bundler leaves: one page, and a script whose name bears the hash of its content.
const fs = require("fs");
fs.mkdirSync("dist/assets", { recursive: true });
fs.writeFileSync("dist/assets/index-0a1b2c3d.js", "console.log('hello')\n".repeat(100));
fs.writeFileSync("dist/index.html", '<script src="/assets/index-0a1b2c3d.js"></script>\n');
