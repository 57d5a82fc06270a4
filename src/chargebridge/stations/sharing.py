"""In which words a station is shared with a foreign back end: what that may ask of it, what it hears, whether it is asked about cards."""

from typing import Literal

May = Literal[
    "start_stop", "stop_all", "limit", "reserve", "availability", "unlock", "read", "configure", "reset", "firmware", "lists", "display"
]
Tell = Literal["status", "transactions", "all_transactions", "meter_values", "events", "data"]
Asked = Literal["never", "us_first", "them_first"]
