"""`bucketport fsck`: is the store sound? Exit code 0 when it is, 1 when there are faults."""

import dataclasses
from typing import Annotated

import typer

from bucketport.cli.asking import AsJson, Config, Data, ask
from bucketport.cli.output import print_json, print_table


def fsck(
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read all content, and compare it with its checksums.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Prove the store in the data folder, which no server may have open. Changes nothing."""
    from bucketport.config.load import load
    from bucketport.config.offline import prove

    report = prove(load(ask(config, {"server.data data": data})).settings.server.data, deep=deep)
    if as_json:
        print_json({"sound": report.sound, **dataclasses.asdict(report)})
    else:
        if report.findings:
            rows = [[finding.kind, finding.place, str(finding.detail)] for finding in report.findings]
            print_table(["FAULT", "WHERE", "WHAT"], rows)
        print(
            f"{report.buckets} buckets, {report.objects} objects, {report.blobs} blobs, {report.leftovers} leftovers, "
            f"{report.bytes_read} bytes read: {'sound' if report.sound else f'{len(report.findings)} faults'}"
        )
    if not report.sound:
        raise typer.Exit(1)
