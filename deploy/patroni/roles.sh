#!/bin/sh
# Run by Patroni once, on the new cluster: what docs/operations.md asks for. $1 is the superuser's address.
set -eu
psql --set=ON_ERROR_STOP=1 --dbname="$1" <<SQL
CREATE ROLE aftersales_app NOLOGIN;
CREATE ROLE aftersales LOGIN PASSWORD '$OWNER_PASSWORD';
CREATE ROLE aftersales_service LOGIN NOINHERIT PASSWORD '$SERVICE_PASSWORD';
GRANT aftersales_app TO aftersales_service;
CREATE DATABASE aftersales OWNER aftersales;
\connect aftersales
ALTER FUNCTION arraycontains(anyarray, anyarray) LEAKPROOF;
ALTER FUNCTION jsonb_object_field_text(jsonb, text) LEAKPROOF;
SQL
