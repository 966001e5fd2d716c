"""Questions that documents did not answer, by what they are about: to choose the nearness that makes one topic.

Neighbours are topics whose words are alike and whose matter is not: they must stay apart.
"""

from __future__ import annotations

TOPICS: tuple[tuple[str, ...], ...] = (
    ("How long is paternity leave?", "How many weeks of paternity leave do new fathers get?", "paternity leave length"),
    ("How long is maternity leave?", "How much maternity leave am I entitled to?", "maternity leave duration in weeks"),
    ("Can I bring my dog to the office?", "Are pets allowed at work?", "Is it OK to take my dog to work?"),
    (
        "Is there a bike storage at the Leeds site?",
        "Where can I park my bicycle in Leeds?",
        "bicycle parking Leeds office",
    ),
    ("Is there a car park at the Leeds site?", "Where do I park my car in Leeds?", "Leeds office car parking"),
    ("What is the guest wifi password?", "How do visitors get on the wifi?", "wifi access for guests"),
    ("How do I reset my VPN token?", "My VPN token has expired, how do I get a new one?", "VPN token reset"),
    ("Do we ship to Norway?", "Can customers in Norway order from us?", "What does shipping to Norway cost?"),
    ("Do we ship to Japan?", "Is delivery to Japan possible?", "shipping to Japan"),
    ("Who is the fire warden on floor 3?", "Name of the fire warden for the third floor", "fire warden third floor"),
    (
        "Who is the first aider on floor 3?",
        "Which colleague does first aid on the third floor?",
        "first aiders third floor",
    ),
    (
        "What is the company pension contribution?",
        "How much does the employer pay into the pension?",
        "pension employer contribution rate",
    ),
    (
        "How do I claim mileage for my own car?",
        "What is the mileage rate for private cars?",
        "mileage reimbursement per mile",
    ),
    ("Can I expense a gym membership?", "Does the company pay for the gym?", "Is there a gym subsidy?"),
    ("When is the next pay review?", "When will salaries be reviewed?", "pay review date this year"),
    (
        "What is our policy on using ChatGPT?",
        "May I use AI tools such as ChatGPT at work?",
        "rules for AI assistants like ChatGPT",
    ),
)
