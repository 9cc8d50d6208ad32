"""Hooks that raise, sleep, recurse, refuse and break the transaction, as the written name says."""

import asyncio

from core.errors import Rejected
from core.registry.hookspecs import hookimpl


@hookimpl
def visible_rows(entity):
    if entity == "core.unseen":
        raise KeyError("secret detail")


@hookimpl
async def before_write(change, unit):
    deed = change.values.get("name")
    if deed == "raise":
        raise ZeroDivisionError("secret detail")
    if deed == "recurse":
        await before_write(change, unit)
    if deed == "sleep":
        await asyncio.sleep(60)
    if deed == "reject":
        raise Rejected("No notes today.")
    if deed == "wrong sql":
        await unit.execute("SELECT secret FROM pg_nowhere")
    if deed == "conflict":
        await unit.execute("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")
