#!/usr/bin/env bash
# A dump of Tendril's database each night at 02:00 UTC, or `backup.sh once` now; those older than 14 days go.
set -euo pipefail
secret="${BACKUP_SECRET:-/run/secrets/tendril_database_url}"
directory="${BACKUP_DIRECTORY:-/var/lib/postgresql}"
keep_days=14

# The password goes by the environment, which only this user sees, and not by the command line, which everybody does.
url="$(sed -E 's#^(postgres(ql)?://[^:@/]*):[^@]*@#\1@#' "$secret")"
password="$(sed -nE 's#^postgres(ql)?://[^:@/]*:([^@]*)@.*#\2#p' "$secret")"
if [[ -n "$password" ]]; then
	PGPASSWORD="$(printf '%b' "${password//%/\\x}")"
	export PGPASSWORD
fi

# Whole or not at all: under its name a dump is complete. Older ones go only once a new one is there.
backup() {
	local name
	name="tendril-$(date -u +%Y%m%dT%H%M%SZ).dump"
	partial="$directory/.$name"
	trap 'rm -f "$partial"' EXIT
	pg_dump --format=custom --no-owner --file="$partial" "$url"
	mv "$partial" "$directory/$name"
	find "$directory" -maxdepth 1 \( -name 'tendril-*.dump' -o -name '.tendril-*.dump' \) -mtime "+$keep_days" -delete
	echo "wrote $name"
}

if [[ "${1:-}" == once ]]; then
	backup
	exit
fi
while true; do
	sleep "$(($(date -u -d 'tomorrow 02:00' +%s) - $(date -u +%s)))"
	# In a process of its own: left of `||`, bash suspends `set -e`, in functions as well.
	bash "${BASH_SOURCE[0]}" once || echo "backup: failed; older dumps are kept, the next try is tomorrow" >&2
done
