"""Sentences of answers beside the passages they cite, labelled by hand: what the thresholds are measured with.

`verbatim` and `paraphrased` are borne out; `number`, `entity`, `negated` and `unrelated` are not; of `foreign` ones
(the passage is in another language) and of `vague` ones nothing may be said against the answer.
"""

from __future__ import annotations

LEAVE = """## Annual leave

Every full-time employee has 25 days of paid annual leave a year. After five years of service this rises to 28 days. \
Part-time staff receive a share of it, in line with their hours. Public holidays are not counted as leave.

Requests are made in the People portal at least two weeks ahead. A line manager answers within three working days. \
Up to 5 unused days may be carried over, and must be taken before 31 March 2026; after that they expire. Leave cannot \
be paid out, except when employment ends."""

EXPENSES = """The following limits apply to hotels, per night and including breakfast.

| City | Usual limit | During a trade fair |
| --- | --- | --- |
| Edinburgh | £150 | £195 |
| London | £180 | £240 |
| Bath | £135 | £135 |

Receipts must be uploaded within 30 days. Claims above £500 need the approval of the finance director, Priya Raman. \
Alcohol is not reimbursed. First-class rail travel is allowed for journeys of more than four hours."""

SECURITY = """- Use a passphrase of at least 16 characters.
- Never use the same passphrase twice.
- Screens lock after 5 minutes.
- After 8 wrong attempts an account is locked for 30 minutes.

A lost or stolen laptop must be reported to extension 444 within 1 hour. The VPN closes by itself after 10 hours. Do \
not use it on a shared or public computer. Backups of Atlas run every night at 02:00 and are kept for 90 days."""

WARRANTY = """Our scales carry a warranty of 36 months from the date of delivery. It covers defects of material and \
workmanship. It does not cover batteries, damage by water or repairs by third parties. To claim, write to \
service@fennimore.example with the serial number. We repair or replace the instrument within 15 working days. If \
neither is possible, the purchase price is refunded in full."""

GERMAN = """Beschäftigte erhalten 30 Tage Jahresurlaub. Der Antrag ist spätestens vier Wochen vor Beginn bei der \
Personalabteilung zu stellen. Resturlaub verfällt am 31. März des Folgejahres. Während der Probezeit darf kein Urlaub \
genommen werden. Überstunden werden mit einem Zuschlag von 25 % vergütet oder innerhalb von drei Monaten abgefeiert."""

FRENCH = """Le télétravail est autorisé deux jours par semaine. Le salarié doit obtenir l'accord écrit de son \
responsable. L'entreprise verse une indemnité de 40 euros par mois. Le télétravail depuis l'étranger n'est pas permis \
sans l'accord de la direction."""

CHINESE = (
    """员工每年享有15天带薪年假。工作满十年后增加到20天。年假申请须提前两周提交给主管。未使用的年假不能结转到下一年。"""
)

HOURS = """# Working hours

The working week has 37.5 hours. Flexible start is between 07:30 and 10:00; the core time, when everyone can be \
reached, is from 10:00 to 15:00. Overtime needs to be agreed with the team lead in advance and is balanced by time off \
within 8 weeks. Nobody may work more than 10 hours a day.

Mr. Okafor in payroll, e.g. by phone at 020 7946 0018, helps with time sheets. They close on the 25th of each month."""

SPANISH = """El período de prueba dura tres meses. Durante ese tiempo cualquiera de las partes puede rescindir el \
contrato con un preaviso de 15 días. El salario se paga el último día laborable del mes. No se permite el uso del \
vehículo de empresa con fines privados."""

PASSAGES = {
    "leave": LEAVE,
    "expenses": EXPENSES,
    "security": SECURITY,
    "warranty": WARRANTY,
    "german": GERMAN,
    "french": FRENCH,
    "chinese": CHINESE,
    "hours": HOURS,
    "spanish": SPANISH,
}

BORNE_OUT = ("verbatim", "paraphrased")
NOT_BORNE_OUT = ("number", "entity", "negated", "unrelated")
OPEN = ("foreign", "vague")

PAIRS: list[tuple[str, str, str]] = [
    # -- verbatim
    ("verbatim", "leave", "Every full-time employee has 25 days of paid annual leave a year."),
    ("verbatim", "leave", "A line manager answers within three working days."),
    ("verbatim", "leave", "Leave cannot be paid out, except when employment ends."),
    ("verbatim", "expenses", "Claims above £500 need the approval of the finance director, Priya Raman."),
    ("verbatim", "expenses", "Alcohol is **not** reimbursed."),
    ("verbatim", "expenses", "| Edinburgh | £150 | £195 |"),
    ("verbatim", "security", "After 8 wrong attempts an account is locked for 30 minutes."),
    ("verbatim", "security", "Never use the same passphrase twice."),
    ("verbatim", "warranty", "It covers defects of material and workmanship."),
    ("verbatim", "warranty", "We repair or replace the instrument within 15 working days."),
    ("verbatim", "german", "Resturlaub verfällt am 31. März des Folgejahres."),
    ("verbatim", "german", "Während der Probezeit darf kein Urlaub genommen werden."),
    ("verbatim", "french", "L'entreprise verse une indemnité de 40 euros par mois."),
    ("verbatim", "chinese", "年假申请须提前两周提交给主管。"),
    # -- paraphrased
    ("paraphrased", "leave", "You get 28 days of leave once you have been here for 5 years."),
    ("paraphrased", "leave", "Full-time staff have 25 paid days of leave each year."),
    ("paraphrased", "leave", "You can carry over at most five unused days."),
    ("paraphrased", "leave", "Carried-over days have to be used by 31/03/2026, otherwise they expire."),
    ("paraphrased", "leave", "Ask for leave in the People portal two weeks before it begins."),
    ("paraphrased", "leave", "Public holidays do not count towards your leave."),
    ("paraphrased", "leave", "Your manager has three working days to reply to the request."),
    ("paraphrased", "leave", "Leave is paid out only when your employment ends."),
    ("paraphrased", "expenses", "For a hotel in Edinburgh you may spend up to £195 a night during a trade fair."),
    ("paraphrased", "expenses", "In London the usual hotel limit is £180 per night."),
    ("paraphrased", "expenses", "Upload your receipts within 30 days."),
    ("paraphrased", "expenses", "If a claim is higher than £500, the finance director has to approve it."),
    ("paraphrased", "expenses", "You may travel first class by rail when the journey takes more than 4 hours."),
    ("paraphrased", "security", "Your passphrase needs to have 16 characters or more."),
    ("paraphrased", "security", "Report a stolen laptop to extension 444 within one hour."),
    ("paraphrased", "security", "The VPN must not be used on public or shared computers."),
    ("paraphrased", "security", "Atlas is backed up nightly at 02:00, and the backups are kept 90 days."),
    ("paraphrased", "warranty", "The warranty lasts 36 months, counted from delivery."),
    ("paraphrased", "warranty", "Batteries and water damage are not covered by the warranty."),
    ("paraphrased", "warranty", "Send the serial number to service@fennimore.example to make a claim."),
    (
        "paraphrased",
        "warranty",
        "If it can neither be repaired nor replaced, you get the full purchase price refunded.",
    ),
    ("paraphrased", "german", "Ihnen stehen 30 Urlaubstage im Jahr zu, also 30 Tage Jahresurlaub."),
    (
        "paraphrased",
        "german",
        "Der Antrag muss vier Wochen vor Urlaubsbeginn bei der Personalabteilung gestellt werden.",
    ),
    ("paraphrased", "german", "Für Überstunden gibt es einen Zuschlag von 25 Prozent."),
    ("paraphrased", "french", "Vous pouvez faire du télétravail 2 jours par semaine."),
    ("paraphrased", "french", "Il faut l'accord écrit de votre responsable pour le télétravail."),
    ("paraphrased", "chinese", "工作满十年的员工有20天年假。"),
    # -- another number
    ("number", "leave", "Every full-time employee has 28 days of paid annual leave a year."),
    ("number", "leave", "Full-time staff have 27 paid days of leave each year."),
    ("number", "leave", "You can carry over at most ten unused days."),
    ("number", "leave", "Carried-over days must be taken before 31 May 2026."),
    ("number", "expenses", "For a hotel in Edinburgh you may spend up to £185 a night."),
    ("number", "expenses", "Claims above £5,000 need the approval of the finance director."),
    ("number", "expenses", "Receipts must be uploaded within 60 days."),
    ("number", "security", "After 3 wrong attempts an account is locked for 30 minutes."),
    ("number", "security", "A lost laptop must be reported to extension 445 within 1 hour."),
    ("number", "warranty", "Our scales carry a warranty of 24 months from the date of delivery."),
    ("number", "german", "Beschäftigte erhalten 28 Tage Jahresurlaub."),
    ("number", "french", "L'entreprise verse une indemnité de 60 euros par mois."),
    ("number", "chinese", "员工每年享有25天带薪年假。"),
    # -- another entity
    ("entity", "expenses", "For a hotel in Glasgow you may spend up to £150 a night."),
    ("entity", "expenses", "Claims above £500 need the approval of the finance director, Owen Clarke."),
    ("entity", "security", "Backups of Borealis run every night at 02:00 and are kept for 90 days."),
    ("entity", "warranty", "To claim, write to the office in Leith with the serial number."),
    ("entity", "leave", "Requests are made in Workday at least two weeks ahead."),
    ("entity", "expenses", "First-class air travel is allowed for journeys of more than four hours."),
    ("entity", "security", "A lost or stolen telephone must be reported within 1 hour."),
    ("entity", "french", "Le télétravail depuis la Belgique est autorisé deux jours par semaine."),
    # -- the opposite
    ("negated", "leave", "Public holidays are counted as leave."),
    ("negated", "leave", "Unused days may not be carried over."),
    ("negated", "leave", "Leave can be paid out."),
    ("negated", "expenses", "Alcohol is reimbursed."),
    ("negated", "expenses", "First-class rail travel is not allowed for journeys of more than four hours."),
    ("negated", "security", "You may use the same passphrase twice."),
    ("negated", "warranty", "The warranty covers batteries and damage by water."),
    ("negated", "german", "Während der Probezeit darf Urlaub genommen werden."),
    ("negated", "french", "Le télétravail n'est pas autorisé deux jours par semaine."),
    ("negated", "chinese", "未使用的年假可以结转到下一年。"),
    # -- something else
    ("unrelated", "leave", "The canteen serves warm meals from noon until half past one."),
    ("unrelated", "leave", "Employees can lease a bicycle through the company's cycle-to-work scheme."),
    ("unrelated", "expenses", "New laptops are ordered from the service desk and arrive within a week."),
    ("unrelated", "expenses", "Company cars are available to members of the sales team."),
    ("unrelated", "security", "Visitors have to sign the book at reception and wear a badge."),
    ("unrelated", "warranty", "The office closes early on Fridays during the summer months."),
    ("unrelated", "german", "Die Kantine bietet täglich ein vegetarisches Gericht an."),
    ("unrelated", "french", "La cantine propose chaque jour un plat végétarien."),
    ("unrelated", "chinese", "公司食堂每天中午提供热餐和水果。"),
    # -- the passage is in another language
    ("foreign", "german", "Leave that is left over expires on 31 March of the following year."),
    ("foreign", "german", "During the probation period nobody may take a holiday."),
    ("foreign", "french", "The company pays an allowance of 40 euros a month for working at home."),
    ("foreign", "french", "Wer aus dem Ausland arbeiten will, braucht die Zustimmung der Leitung."),
    ("foreign", "chinese", "Employees have 15 days of paid leave a year."),
    ("foreign", "leave", "Urlaub wird im Portal beantragt und von der Führungskraft genehmigt."),
    ("foreign", "leave", "全职员工每年有25天带薪年假。"),
    # -- nothing that could be checked
    ("vague", "leave", "Yes."),
    ("vague", "leave", "The handbook answers this:"),
    ("vague", "expenses", "Here is an overview:"),
    ("vague", "security", "Does that help you further with your question?"),
    # -- added when the first ones were settled
    ("verbatim", "hours", "Nobody may work more than 10 hours a day."),
    ("verbatim", "hours", "The working week has 37.5 hours."),
    ("verbatim", "spanish", "El salario se paga el último día laborable del mes."),
    ("paraphrased", "hours", "You can start at any time from 07:30 to 10:00."),
    ("paraphrased", "hours", "Everyone has to be reachable during the core time, 10:00 to 15:00."),
    (
        "paraphrased",
        "hours",
        "Agree overtime with your team lead beforehand; you get time off for it within eight weeks.",
    ),
    ("paraphrased", "hours", "Time sheets close on the 25th."),
    ("paraphrased", "hours", "For questions about time sheets, call Mr. Okafor on 020 7946 0018."),
    ("paraphrased", "hours", "More than ten hours of work a day are not allowed."),
    ("paraphrased", "spanish", "El preaviso durante el período de prueba es de quince días, es decir, 15 días."),
    ("paraphrased", "spanish", "La prueba dura 3 meses."),
    ("paraphrased", "spanish", "El vehículo de empresa no puede usarse con fines privados."),
    ("paraphrased", "leave", "Anyone who works part-time gets leave in proportion to their hours."),
    ("paraphrased", "warranty", "Repairs by third parties are excluded from the warranty."),
    ("paraphrased", "security", "Screens are locked automatically after five minutes."),
    ("paraphrased", "expenses", "In Bath the limit is £135, also during a trade fair."),
    ("number", "hours", "The working week has 38.5 hours."),
    ("number", "hours", "The core time is from 09:00 to 15:00."),
    ("number", "hours", "Time sheets close on the 28th of each month."),
    ("number", "spanish", "El período de prueba dura seis meses."),
    ("number", "warranty", "We repair or replace the instrument within 15 months."),
    ("number", "leave", "Up to 25 unused days may be carried over."),
    ("entity", "hours", "Mrs. Lindqvist in payroll helps with time sheets."),
    ("entity", "hours", "Overtime needs to be agreed with the works council in advance."),
    ("entity", "expenses", "For a hotel in Edinburgh you may spend up to £180 a night."),
    ("entity", "spanish", "No se permite el uso del teléfono de empresa con fines privados."),
    ("entity", "security", "Backups of Atlas are kept in Frankfurt for 90 days."),
    ("negated", "hours", "Overtime need not be agreed with the team lead in advance."),
    ("negated", "hours", "You may work more than 10 hours a day."),
    ("negated", "spanish", "Se permite el uso del vehículo de empresa con fines privados."),
    ("negated", "security", "The VPN never closes by itself."),
    ("unrelated", "hours", "The pension scheme is run by an outside provider."),
    ("unrelated", "hours", "Bicycles can be parked in the yard behind the warehouse."),
    ("unrelated", "spanish", "La cafetería ofrece un menú vegetariano todos los días."),
    ("unrelated", "leave", "Invoices are sent to customers by e-mail once the goods have left."),
    ("foreign", "spanish", "The probation period takes three months."),
    ("foreign", "hours", "Überstunden werden mit der Teamleitung abgesprochen."),
    ("foreign", "spanish", "Firmenwagen dürfen nicht privat genutzt werden."),
    ("vague", "hours", "In short:"),
    ("vague", "hours", "This is what the documents say."),
]

VISITORS = """Visitors sign in at reception and wear a yellow badge. They must be accompanied at all times, except in \
the canteen and the showroom. Photographs are forbidden in the workshops. Contractors who stay longer than 3 days \
receive a key card from Helen Strand; a deposit of £20 is returned when the card is.

| Site | Opens | Closes |
| --- | --- | --- |
| Leith | 06:30 | 19:00 |
| Bath | 08:00 | 17:30 |"""

DUTCH = """Werknemers hebben recht op 24 vakantiedagen per jaar. Ziekmelding gebeurt vóór 9.00 uur bij de \
leidinggevende. Het is niet toegestaan om in het gebouw te roken. De proeftijd bedraagt één maand."""

PASSAGES |= {"visitors": VISITORS, "dutch": DUTCH}

# Written when rules and threshold were settled, and not used for either.
HELD_OUT: list[tuple[str, str, str]] = [
    ("verbatim", "visitors", "Photographs are forbidden in the workshops."),
    ("verbatim", "visitors", "Visitors sign in at reception and wear a yellow badge."),
    ("verbatim", "dutch", "Werknemers hebben recht op 24 vakantiedagen per jaar."),
    ("paraphrased", "visitors", "A visitor has to be accompanied everywhere but in the canteen and the showroom."),
    ("paraphrased", "visitors", "You are not allowed to take photographs in the workshops."),
    ("paraphrased", "visitors", "Contractors get a key card from Helen Strand if they stay for more than three days."),
    ("paraphrased", "visitors", "You pay a deposit of £20 for the key card, and get it back with the card's return."),
    ("paraphrased", "visitors", "The site in Leith opens at 06:30."),
    ("paraphrased", "visitors", "Bath is open from 08:00 to 17:30."),
    ("paraphrased", "dutch", "U moet zich vóór 9.00 uur ziek melden bij uw leidinggevende."),
    ("paraphrased", "dutch", "Roken in het gebouw is niet toegestaan."),
    ("paraphrased", "hours", "The limit is 10 hours of work per day."),
    ("paraphrased", "warranty", "The instrument is repaired or replaced within 15 working days."),
    ("paraphrased", "leave", "Part-timers get a proportional share of the leave, in line with the hours they work."),
    ("paraphrased", "security", "Close to ten hours after it was opened, the VPN closes on its own."),
    ("paraphrased", "german", "Resturlaub muss bis zum 31. März des Folgejahres genommen werden, sonst verfällt er."),
    ("number", "visitors", "A deposit of £25 is returned when the card is."),
    ("number", "visitors", "The site in Leith closes at 18:00."),
    ("number", "visitors", "Contractors who stay longer than 5 days receive a key card."),
    ("number", "dutch", "Werknemers hebben recht op 25 vakantiedagen per jaar."),
    ("number", "hours", "Overtime is balanced by time off within 10 weeks."),
    ("number", "german", "Der Antrag ist spätestens sechs Wochen vor Beginn zu stellen."),
    ("entity", "visitors", "Contractors receive a key card from Martin Doyle."),
    ("entity", "visitors", "The site in Glasgow opens at 08:00."),
    ("entity", "visitors", "Visitors wear a yellow helmet and sign in at reception."),
    ("entity", "dutch", "Ziekmelding gebeurt vóór 9.00 uur bij Arbodienst Zuid."),
    ("negated", "visitors", "Photographs are allowed in the workshops."),
    ("negated", "visitors", "Visitors need not be accompanied."),
    ("negated", "dutch", "Het is toegestaan om in het gebouw te roken."),
    ("negated", "hours", "Time sheets do not close on the 25th of each month."),
    ("unrelated", "visitors", "Salaries are paid on the last working day."),
    ("unrelated", "visitors", "The company matches pension contributions of its staff."),
    ("unrelated", "dutch", "De kantine serveert elke dag een warme maaltijd."),
    ("unrelated", "german", "Dienstreisen werden mit der Bahn in der zweiten Klasse gemacht."),
    ("foreign", "dutch", "Smoking in the building is not allowed."),
    ("foreign", "dutch", "Employees are entitled to 24 days of holiday a year."),
    ("foreign", "visitors", "Besucher melden sich am Empfang an."),
    ("vague", "visitors", "It depends:"),
]
