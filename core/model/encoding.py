"""JSON as the API writes it: decimals as strings, so that no client rounds them."""

import msgspec

encode = msgspec.json.Encoder(decimal_format="string").encode
