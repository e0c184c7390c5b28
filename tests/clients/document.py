"""The clients in bulk-operations-api-examples.md, as programs that can be run: nothing of them is
changed but base URL, key and what they import without defining it."""
import dataclasses
import pathlib
import re

DOCUMENT = pathlib.Path(__file__).with_name("bulk-operations-api-examples.md")
BASE_URL_IN_DOCUMENT = "https://api.contentcreator.com/api/v1"
KEY_IN_DOCUMENT = "your-api-key"
SHEET_IN_DOCUMENT = "1A2B3C4D5E6F7G8H9I0J"
JOB_IN_DOCUMENT = "job_01HABCDEF0123456789"
# From here on a block shows how to use what it has defined above.
USAGE = re.compile(r"^(//|#) (Usage|Example usage)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Block:
    heading: str
    language: str
    text: str

    def library(self):
        """What it defines, without the use of it."""
        usage = USAGE.search(self.text)
        return self.text[:usage.start()] if usage else self.text

    def usage(self):
        return self.text[len(self.library()):]


class Clients:
    """The document's blocks for one server and key; blocks are asked for by heading and language."""

    def __init__(self, base_url, key):
        self.blocks, heading = [], ""
        for part in re.split(r"^(#+ [^\n]*|```\w*\n.*?^```)$", DOCUMENT.read_text(), flags=re.MULTILINE | re.DOTALL):
            if part.startswith("#"):
                heading = part.lstrip("# ")
            elif part.startswith("```"):
                language, text = re.match(r"```(\w*)\n(.*)```\Z", part, re.DOTALL).groups()
                text = text.replace(BASE_URL_IN_DOCUMENT, base_url).replace(KEY_IN_DOCUMENT, key)
                self.blocks.append(Block(heading, language, text))
        self.asked_for = set()

    def block(self, heading, language):
        found = [block for block in self.blocks if (block.heading, block.language) == (heading, language)]
        if len(found) != 1:
            raise KeyError(f"{len(found)} blocks of {language} under \"{heading}\"")
        self.asked_for.add(found[0])
        return found[0]

    def library(self, language, *headings):
        return "\n".join(self.block(heading, language).library() for heading in headings)
