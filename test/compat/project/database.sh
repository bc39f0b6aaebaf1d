# The first start makes the database in the volume, with one table.
set -e
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  initdb --auth=trust --username=app --no-sync >/dev/null
  echo 'host all all all trust' >>"$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE app" | postgres --single postgres >/dev/null
  echo "CREATE TABLE words (word text); INSERT INTO words VALUES ('from the database');" | postgres --single -j app >/dev/null
fi
echo "database starts"
exec postgres -h '*' -c fsync=off
