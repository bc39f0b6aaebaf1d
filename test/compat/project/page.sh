#!/bin/sh
# What both of the others know, in one page.
echo 'Content-Type: text/plain'
echo
echo "word: $(psql -h database -U app -d app -tAc 'SELECT word FROM words' 2>&1)"
echo "visits: $(redis-cli -h cache incr visits 2>&1)"
echo "server: $(hostname)"
