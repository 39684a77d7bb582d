"""How people ask: forms of questions with their kind of task, and what stands in them.

In braces stand slots: {doc} a file, {doc2} another one, {thing} what a document is about, {aspect}
and {aspect2} what one wants to know of it, {who} a person or company, {who2} another one, {year},
{year2}, {n}. English and German; other languages come from the public questions.
"""

from __future__ import annotations

SUMMARIZE = {
    "en": (
        "Summarize {doc}",
        "Summarise {doc} for me, please.",
        "Can you sum up {thing}?",
        "Give me an overview of {doc}.",
        "What are the main points of {thing}?",
        "What is {doc} about?",
        "tl;dr of {doc}",
        "Give me the gist of {thing} in {n} bullet points.",
        "I need a short summary of {thing}.",
        "What does {doc} say in general?",
        "Please outline the content of {thing}.",
        "Brief me on {doc}.",
        "Tell me the key takeaways of {thing}.",
        "Describe the content of {doc} in a few sentences.",
    ),
    "de": (
        "Fasse {doc} zusammen",
        "Kannst du {thing} kurz zusammenfassen?",
        "Worum geht es in {doc}?",
        "Gib mir einen Überblick über {thing}.",
        "Was sind die wichtigsten Punkte in {doc}?",
        "Was steht im Großen und Ganzen in {doc}?",
        "Bitte eine kurze Zusammenfassung von {thing}.",
        "Die Kernaussagen von {doc} bitte.",
    ),
}

CALCULATE = {
    "en": (
        "What is the total {aspect} in {doc}?",
        "How much did we spend on {thing} in {year} in total?",
        "What did {who} spend in {year} in total?",
        "What is the average {aspect} in {year}?",
        "How many {things} were bought in {year}?",
        "How many entries does {doc} have for {who}?",
        "Which of the {things} has the highest {aspect}?",
        "Who has the lowest {aspect} in {doc}?",
        "By how much did the {aspect} rise from {year} to {year2}?",
        "What share of the {aspect} goes to {who}?",
        "What is {n} percent of {year}?",
        "Is the {aspect} of {who} higher than that of {who2}?",
        "Add up all {things} of {who}.",
        "sum of {aspect} for {who}",
        "What is the difference between the {aspect} in {year} and in {year2}?",
        "Compare the {aspect} in {year} and {year2}.",
        "Which of the {things} is the cheapest?",
        "What are the three largest {things} by {aspect}?",
        "Is the {aspect} over its budget?",
        "What do the {things} cost on average?",
        "Calculate the yearly {aspect} of {who}.",
        "How many {things} are there after {year}?",
    ),
    "de": (
        "Wie hoch ist die Summe in der Spalte {aspect} von {doc}?",
        "Wie viel hat {who} {year} insgesamt ausgegeben?",
        "Was ist der Durchschnitt von {aspect} im Jahr {year}?",
        "Wie viele {things} wurden {year} gekauft?",
        "Wer hat den höchsten Wert bei {aspect}?",
        "Um wie viel ist {aspect} von {year} bis {year2} gestiegen?",
        "Wie viel Prozent von {aspect} entfallen auf {who}?",
        "Rechne alle Beträge von {who} zusammen.",
        "Was kosten die {things} zusammen?",
    ),
}

COMPARE = {
    "en": (
        "Compare {doc} and {doc2}.",
        "Compare {doc} with {doc2}: {aspect}, {aspect2}.",
        "What are the differences between {doc} and {doc2}?",
        "What changed between {doc} and {doc2}?",
        "What is new in {doc} compared with {doc2}?",
        "Do the two contracts have the same {aspect}?",
        "Do both agreements agree on the {aspect}?",
        "How do the {year} and the {year2} version of {thing} differ?",
        "How does the agreement with {who} differ from the one with {who2}?",
        "Compare both contracts by {aspect} and {aspect2}.",
        "Is the {aspect} the same for {who} and {who2}?",
        "What do {doc} and {doc2} have in common?",
        "Compare the {things} of {who} with those of {who2}.",
        "Where do the two policies differ?",
        "Compare the two offers: {aspect}, {aspect2} and {aspect3}.",
    ),
    "de": (
        "Vergleiche {doc} und {doc2}.",
        "Was ist der Unterschied zwischen {doc} und {doc2}?",
        "Was hat sich von {doc} zu {doc2} geändert?",
        "Haben beide Verträge denselben Wert bei {aspect}?",
        "Vergleiche die beiden Angebote nach {aspect} und {aspect2}.",
        "Worin unterscheiden sich die Verträge mit {who} und {who2}?",
        "Was haben {doc} und {doc2} gemeinsam?",
    ),
}

CHECK = {
    "en": (
        "Is it true that {claim}?",
        "Check whether {claim}.",
        "Is it correct that {claim}?",
        "My colleague says that {claim}. Is that right?",
        "Can you confirm that {claim}?",
        "Verify this: {claim}.",
        "Somebody told me {claim}. True?",
        "Please check this statement: {claim}.",
        "Am I right that {claim}?",
        "{claim} - is that so?",
        "Is the following statement true? {claim}.",
        "Do the documents support that {claim}?",
    ),
    "de": (
        "Stimmt es, dass {claim}?",
        "Prüfe bitte: {claim}.",
        "Ist es richtig, dass {claim}?",
        "Kannst du bestätigen, dass {claim}?",
        "Trifft es zu, dass {claim}?",
    ),
}

CLAIMS = {
    "en": (
        "the {aspect} of {who} is {n} percent",
        "{who} may terminate at any time",
        "the {aspect} is limited to {n},000 euros",
        "{who} pays no {aspect}",
        "the {aspect} ends in {year}",
        "no {things} were sold in {year}",
        "{who} has to be told {n} weeks before",
    ),
    "de": (
        "{who} bei {aspect} {n} Prozent zahlt",
        "{aspect} bis {year} gilt",
        "{who} jederzeit kündigen darf",
        "{aspect} auf {n}.000 Euro begrenzt ist",
    ),
}

LIBRARY = {
    "en": (
        "Which documents do I have about {topic}?",
        "Do I have anything on {topic}?",
        "Is there anything about {topic} in my files?",
        "Which of my files mention {topic}?",
        "List all files that I have added.",
        "How many documents are there?",
        "Show me my newest documents.",
        "Which file did I add last?",
        "What is the longest document here?",
        "Which notes are about {topic}?",
        "Do we have a file for {who}?",
        "what documents are in here",
        "Which PDFs do I have?",
        "How many files do I have on {topic}?",
        "Find me the documents on {topic}.",
        "In which documents is {who} mentioned?",
        "Which of the contracts are about {topic}?",
    ),
    "de": (
        "Welche Dokumente habe ich zu {topic}?",
        "Habe ich etwas über {topic}?",
        "Wie viele Dokumente gibt es?",
        "Zeig mir alle Dateien.",
        "Welche Datei habe ich zuletzt hinzugefügt?",
        "In welchen Unterlagen kommt {who} vor?",
        "Gibt es eine Datei zum Thema {topic}?",
        "Welche meiner Notizen handeln von {topic}?",
    ),
}

APP = {
    "en": (
        "What can you do?",
        "Who are you?",
        "How do you work?",
        "Which file types can you read?",
        "Can I give you spreadsheets?",
        "Can you read scans?",
        "Is my data sent to the internet?",
        "Do you work offline?",
        "Where are my files stored?",
        "How do I add a document?",
        "Can you read German?",
        "Which languages do you understand?",
        "Are you ChatGPT?",
        "What do the numbers in brackets mean?",
        "How can I trust your answers?",
        "How large may a file be?",
        "Can you make tables?",
        "Can you search the web?",
        "help",
        "What are you good at?",
        "Can I upload a whole folder?",
        "Does anybody else see what I ask?",
    ),
    "de": (
        "Was kannst du?",
        "Wer bist du?",
        "Welche Dateitypen kannst du lesen?",
        "Gehen meine Daten ins Internet?",
        "Wie füge ich ein Dokument hinzu?",
        "Kannst du auch Scans lesen?",
        "Funktionierst du ohne Internet?",
        "Wie groß darf eine Datei sein?",
        "Wobei kannst du mir helfen?",
        "Was bedeuten die Zahlen in Klammern?",
    ),
}

CONVERSATION = {
    "en": (
        "What did I ask first?",
        "What was my last question?",
        "Repeat your last answer, please.",
        "What did you say about {aspect} before?",
        "What have we talked about so far?",
        "How many questions have I asked?",
        "Can you say that again?",
        "What did you just tell me?",
        "Which question did I ask about {who}?",
        "Sum up our conversation.",
        "Remind me what I asked at the beginning.",
        "What was your answer to my second question?",
    ),
    "de": (
        "Was habe ich zuerst gefragt?",
        "Was war meine letzte Frage?",
        "Wiederhole deine letzte Antwort.",
        "Was hast du vorhin zu {aspect} gesagt?",
        "Worüber haben wir bisher gesprochen?",
        "Kannst du das noch einmal sagen?",
        "Wie viele Fragen habe ich gestellt?",
    ),
}

CHAT = {
    "en": (
        "Thanks!",
        "Thanks, that was helpful!",
        "Thank you very much, great work.",
        "Perfect, thanks.",
        "Hello!",
        "Good morning",
        "hi there",
        "Bye, see you tomorrow.",
        "Nice.",
        "ok",
        "I am tired today.",
        "Wow, that is a lot.",
        "You are great.",
        "Have a good weekend!",
    ),
    "de": (
        "Danke!",
        "Vielen Dank, das hilft mir sehr.",
        "Super, danke dir.",
        "Hallo!",
        "Guten Morgen",
        "Tschüss, bis morgen.",
        "Alles klar.",
        "Ich bin heute müde.",
        "Schönen Feierabend!",
    ),
}

LOOK_UP = {
    "en": (
        "What is the {aspect} in {doc}?",
        "How long is the {aspect} in the agreement with {who}?",
        "What is the {aspect} of {who}?",
        "Who is responsible for {thing} at {who}?",
        "When does the {aspect} of {who} end?",
        "What does {doc} say about {topic}?",
        "Which law governs the contract with {who}?",
        "When was {thing} signed?",
        "Who wrote {doc}?",
        "What {aspect} does {who} pay?",
        "Why was {thing} changed?",
        "What is written on page {n} of {doc}?",
        "How many days of vacation do I get?",
        "How many weeks before does {who} have to be told?",
        "Where is {thing} kept?",
        "whats the {aspect} for {who}",
        "{aspect} {who}",
        "In which case is no {aspect} due?",
        "List the conditions for {topic}.",
        "What happens if {who} does not pay?",
        "May {who} sublet {thing}?",
        "Explain the rules on {topic}.",
        "What is the {aspect} according to {doc}?",
        "Which documents must {who} hand in?",
        "How much is the {aspect}?",
        "What does a lost key cost?",
        "Who is {who}?",
        "Which {things} are allowed?",
    ),
    "de": (
        "Wie hoch ist {aspect} bei {who}?",
        "Wie lang ist {aspect} im Vertrag mit {who}?",
        "Wann endet der Vertrag mit {who}?",
        "Was sagt {doc} zu {topic}?",
        "Wer ist für {thing} zuständig?",
        "Was steht auf Seite {n} von {doc}?",
        "Wo finde ich {aspect}?",
        "Welche Regeln gelten für {topic}?",
        "Wer hat {doc} geschrieben?",
        "Was kostet {thing}?",
        "Wie viele Tage Urlaub bekomme ich?",
        "Wann muss {who} informiert werden?",
        "Darf {who} untervermieten?",
    ),
}

FORMS = {
    "en": (
        "Answer in one sentence.",
        "Keep it short.",
        "Round it to two decimals.",
        "Round your answer to {n} decimals.",
        "Give it in millions.",
        "As a list, please.",
        "Answer in German.",
        "Use at most {n} bullet points.",
        "In simple words, please.",
        "Just the number.",
        "Be precise.",
        "Put it in a table.",
    ),
    "de": (
        "Antworte in einem Satz.",
        "Bitte kurz.",
        "Runde auf zwei Stellen.",
        "Als Liste, bitte.",
        "Antworte auf Englisch.",
        "In einfachen Worten.",
        "Nur die Zahl.",
    ),
}

FOLLOW_UPS = {
    "en": (
        ("What is the {aspect} of {who}?", "And of {who2}?", "What is the {aspect} of {who2}?"),
        ("What is the {aspect} of {who}?", "And its {aspect2}?", "What is the {aspect2} of {who}?"),
        (
            "How long is the {aspect} in the agreement with {who}?",
            "And what is its {aspect2}?",
            "What is the {aspect2} in the agreement with {who}?",
        ),
        (
            "What is the {aspect} in the agreement with {who}?",
            "What about {who2}?",
            "What is the {aspect} in the agreement with {who2}?",
        ),
        (
            "What is the {aspect} in {doc}?",
            "and in {doc2}?",
            "What is the {aspect} in {doc2}?",
        ),
        (
            "What {aspect} does {who} pay?",
            "Since when?",
            "Since when does {who} pay the {aspect}?",
        ),
        (
            "Who is responsible for {thing} at {who}?",
            "What is their {aspect}?",
            "What is the {aspect} of who is responsible for {thing} at {who}?",
        ),
        (
            "What does {doc} say about {topic}?",
            "And about {topic2}?",
            "What does {doc} say about {topic2}?",
        ),
        (
            "What is the {aspect} in {year}?",
            "And the year before?",
            "What is the {aspect} in the year before {year}?",
        ),
        (
            "When does the contract with {who} end?",
            "Who signed it?",
            "Who signed the contract with {who}?",
        ),
        (
            "When does the contract with {who} end?",
            "Can it be extended?",
            "Can the contract with {who} be extended?",
        ),
        (
            "What is the {aspect} of {who}?",
            "Where does that stand?",
            "Where does the {aspect} of {who} stand?",
        ),
        (
            "Which rules are there on {topic}?",
            "Why?",
            "Why are there those rules on {topic}?",
        ),
        (
            "What is the {aspect} of {who}?",
            "the {who2} one",
            "What is the {aspect} of {who2}?",
        ),
        (
            "Who wrote {doc}?",
            "When?",
            "When was {doc} written?",
        ),
    ),
    "de": (
        (
            "Wie hoch ist {aspect} bei {who}?",
            "Und bei {who2}?",
            "Wie hoch ist {aspect} bei {who2}?",
        ),
        ("Wie hoch ist {aspect} bei {who}?", "Und {aspect2}?", "Wie hoch ist {aspect2} bei {who}?"),
        (
            "Wann endet der Vertrag mit {who}?",
            "Wer hat ihn unterschrieben?",
            "Wer hat den Vertrag mit {who} unterschrieben?",
        ),
        (
            "Was sagt {doc} zu {topic}?",
            "Und zu {topic2}?",
            "Was sagt {doc} zu {topic2}?",
        ),
        (
            "Wie lang ist {aspect} im Vertrag mit {who}?",
            "Was gilt bei {who2}?",
            "Wie lang ist {aspect} im Vertrag mit {who2}?",
        ),
        (
            "Was kostet {thing}?",
            "Seit wann?",
            "Seit wann gilt der Preis für {thing}?",
        ),
    ),
}
"""An earlier question, a message behind it, and that message as a full question to look up."""

OTHER_FOLLOW_UPS = {
    "en": (
        ("Summarize {doc}", "Shorter, please.", "Summarize {doc} shorter, please.", "summarize"),
        ("Summarize {doc}", "And {doc2}?", "Summarize {doc2}", "summarize"),
        ("What is the {aspect} in {doc}?", "Summarize it.", "Summarize {doc}", "summarize"),
        (
            "What is the {aspect} of {who}?",
            "Is that more than at {who2}?",
            "Is the {aspect} of {who} more than at {who2}?",
            "calculate",
        ),
        (
            "What did {who} spend in {year} in total?",
            "And in {year2}?",
            "What did {who} spend in {year2} in total?",
            "calculate",
        ),
        (
            "What is the average {aspect} in {year}?",
            "And the sum?",
            "What is the sum of the {aspect} in {year}?",
            "calculate",
        ),
        (
            "What is the {aspect} in {doc}?",
            "Is it the same in {doc2}?",
            "Is the {aspect} the same in {doc} and {doc2}?",
            "compare",
        ),
        (
            "Summarize {doc}",
            "How does it differ from {doc2}?",
            "How does {doc} differ from {doc2}?",
            "compare",
        ),
        (
            "What is the {aspect} of {who}?",
            "Is it true that it is {n} percent?",
            "Is it true that the {aspect} of {who} is {n} percent?",
            "check",
        ),
        (
            "Which documents do I have about {topic}?",
            "And about {topic2}?",
            "Which documents do I have about {topic2}?",
            "library",
        ),
    ),
    "de": (
        ("Fasse {doc} zusammen", "Kürzer bitte.", "Fasse {doc} kürzer zusammen.", "summarize"),
        ("Fasse {doc} zusammen", "Und {doc2}?", "Fasse {doc2} zusammen", "summarize"),
        (
            "Wie viel hat {who} {year} insgesamt ausgegeben?",
            "Und {year2}?",
            "Wie viel hat {who} {year2} insgesamt ausgegeben?",
            "calculate",
        ),
        (
            "Welche Dokumente habe ich zu {topic}?",
            "Und zu {topic2}?",
            "Welche Dokumente habe ich zu {topic2}?",
            "library",
        ),
    ),
}
"""The same, with the kind of the full question."""

ANSWERS = {
    "en": (
        "It is {n}.",
        "The {aspect} is {n} euros.",
        "{who} is.",
        "Not found in your documents.",
        "It ends in {year}. (from {doc})",
        'The document says: "It is settled in section {n}."',
        "There are {n} of them: {who} and {who2} among others.",
    ),
    "de": (
        "Das sind {n}.",
        "Es sind {n} Euro. (from {doc})",
        "In Ihren Dokumenten nicht gefunden.",
        "Bis {year}.",
    ),
}

SLOTS = {
    "en": {
        "aspect": (
            "notice period", "monthly fee", "liability limit", "deposit", "term", "rent",
            "delivery time", "warranty", "interest rate", "excess", "membership fee", "salary",
            "hourly rate", "discount", "premium", "due date", "e-mail address", "phone number",
            "purchase price", "start date", "opening hours", "phone allowance", "travel budget",
            "penalty", "coverage", "amount", "cost", "area", "weight", "revenue", "headcount",
            "governing law", "seat", "invoice number", "account number", "capacity",
        ),
        "thing": (
            "lease", "annual report", "handbook", "parking garage", "projector", "safety plan",
            "minutes of the May meeting", "travel policy", "invoice of March", "new website",
            "insurance policy", "maintenance log", "budget", "purchase agreement", "roof",
            "statutes", "emergency plan", "server", "project plan", "price list", "survey",
        ),
        "things": (
            "monitors", "invoices", "orders", "meals", "trips", "members", "repairs",
            "visits", "chairs", "licences", "employees", "flights", "rooms", "vaccinations",
        ),
        "topic": (
            "insurance", "the garden", "vacation", "solar panels", "overtime", "fire safety",
            "taxes", "pets", "parking", "data protection", "noise", "hardship", "late payments",
            "sick leave", "the boiler", "recycling", "passwords", "refunds", "training",
        ),
        "wordy": ("contract", "lease", "report", "minutes", "policy", "invoice", "notes", "offer",
                  "handbook", "statutes", "budget", "manual", "paper", "letter", "expenses"),
    },
    "de": {
        "aspect": (
            "die Kündigungsfrist", "die Miete", "die Kaution", "die Haftungsgrenze",
            "die Lieferzeit", "die Garantie", "das Gehalt",
            "die Laufzeit", "die Gebühr", "die Prämie", "die Frist",
        ),
        "thing": (
            "die Heizung", "das Protokoll vom Mai", "die Bilanz",
            "die Hausordnung", "die Satzung", "das Dach",
            "das Gutachten", "die Preisliste", "die Versicherung",
        ),
        "things": ("Monitore", "Rechnungen", "Mitglieder", "Reparaturen", "Stühle",
                   "Reisen", "Bestellungen", "Lizenzen"),
        "topic": (
            "Urlaub", "Versicherung", "Lärm", "Steuern", "Haustiere", "Datenschutz", "Brandschutz",
            "Überstunden", "Kündigung", "Parken", "Garten", "Müll", "Homeoffice",
        ),
        "wordy": ("vertrag", "protokoll", "bericht", "rechnung", "satzung", "angebot", "notiz",
                  "handbuch", "gutachten", "preisliste", "hausordnung"),
    },
}  # fmt: skip

NAMES = (
    "Miller", "Greenfield Foods Ltd", "Northgate Ltd", "Lena Vogt", "Paul Adeyemi", "Reed & Sons",
    "Rosenhof", "Brightwater GmbH", "Dr. Haddad", "Eva Sommer", "Jim Doyle", "Nordlicht AG",
    "Acme Corp.", "Maria Rossi", "Cobalt Ltd", "the Oak Street flat", "Weber KG", "Lucas Meyer",
    "Pinewood School", "Chen Wei", "the chess club", "Stadtwerke Linz", "Blue Sky Travel",
    "Fischer & Partner", "Olga Novak", "Sunrise Clinic", "Hudson Bank", "Janssen BV",
)  # fmt: skip
"""People and companies, made up; none of them stands in a question that is reported on."""
