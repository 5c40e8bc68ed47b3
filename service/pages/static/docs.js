// Starts Swagger UI. A file of its own: the Content-Security-Policy allows no inline script.

// A part of a document with what it refers to in place of its references, which all lead into the document. One that
// leads back to where it stands is kept.
function resolved(part, document, within = []) {
  if (part === null || typeof part !== "object") return part;
  if (Array.isArray(part)) return part.map((each) => resolved(each, document, within));
  const { $ref: reference, ...own } = part;
  if (within.includes(reference)) return part;
  const target = reference && resolved(referenced(reference, document), document, [...within, reference]);
  const values = Object.entries(own).map(([name, value]) => [name, resolved(value, document, within)]);
  return { ...target, ...Object.fromEntries(values) };
}

function referenced(reference, document) {
  const names = reference.slice("#/".length).split("/");
  return at(names.map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~")), document);
}

function at(path, document) {
  return path.reduce((part, name) => part?.[name], document);
}

// In place of Swagger UI's own, which reads the whole document anew at the start and for each operation that is
// opened: five seconds of processor time each.
const resolver = {
  fn: {
    resolveSubtree: async (document, path) => ({ spec: resolved(at(path, document), document), errors: [] }),
  },
};

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none", // to draw every operation takes seconds too
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  plugins: [resolver],
  validatorUrl: null, // Swagger UI would send the document to a host outside to have it checked
});
