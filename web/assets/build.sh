#!/bin/sh
# Builds the browser's files into dist/, which is committed. Needs npm for what
# others wrote and Go for the bundler; run it from anywhere.
set -eu
cd "$(dirname "$0")"
npm ci --ignore-scripts --no-audit --no-fund --silent
rm -rf dist
go tool esbuild src/lab.js src/replay.js src/classics.js src/exercise.js src/guide.js src/rehearse.js src/trial.js src/classroom.js src/app.css --bundle --minify --splitting --chunk-names=chunk-[hash] --format=esm --charset=utf8 \
  --target=es2022,chrome123,firefox120,safari17.5 --legal-comments=none --log-level=warning --outdir=dist
go tool esbuild src/theme.js --minify --target=es2022 --log-level=warning --outfile=dist/theme.js
cp src/icon.svg dist/icon.svg
{
  echo "uPlot $(sed -n 's/.*"version": "\(.*\)".*/\1/p' node_modules/uplot/package.json), draws the charts"
  echo
  cat node_modules/uplot/LICENSE
  for name in $(cd node_modules && ls -d @codemirror/* @lezer/* @marijn/* style-mod w3c-keyname crelt 2>/dev/null); do
    echo
    echo "$name $(sed -n 's/.*"version": "\(.*\)".*/\1/p' "node_modules/$name/package.json"), part of the code editor"
    echo
    cat "node_modules/$name/LICENSE"
  done
} > NOTICE
