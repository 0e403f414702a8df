// Asks AWS's language service for state machines, the one of its editors, about each text of a list.
// Stdin: a JSON list of texts. Stdout: a JSON list, for each text, of the messages about it.
const { getLanguageService, TextDocument } = require("amazon-states-language-service");

const service = getLanguageService({});

async function messages(text, number) {
  const document = TextDocument.create(`file:///${number}.asl.json`, "asl", 1, text);
  const found = await service.doValidation(document, service.parseJSONDocument(document));
  return found.map(({ message }) => message);
}

const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", async () => {
  const texts = JSON.parse(Buffer.concat(chunks).toString());
  process.stdout.write(JSON.stringify(await Promise.all(texts.map(messages))));
});
