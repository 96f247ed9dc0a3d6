#!/bin/sh
# Both databases of Temporal, at the schema of this version of its tools. Safe to run again.
set -eu
for name in temporal temporal_visibility; do
	directory=/etc/temporal/schema/postgresql/v12
	case "$name" in
	temporal) versioned=$directory/temporal/versioned ;;
	*) versioned=$directory/visibility/versioned ;;
	esac
	temporal-sql-tool --database "$name" create || true
	temporal-sql-tool --database "$name" setup-schema -v 0.0 || true
	temporal-sql-tool --database "$name" update-schema -d "$versioned"
done
