# Two stages. The first installs the packages for this system and removes the types from the sources. The second is Debian with Node.js'
# binary and no build tools.
# docs/deployment.md says how to run it.
ARG NODE_IMAGE=node:20-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund
COPY assets assets
COPY commands commands
COPY docs/openapi.json docs/openapi.json
COPY model model
COPY scripts scripts
COPY src src
# It also makes the copy of the sources that the bot runs: in the image nothing can be written.
RUN npm run slim && mkdir -p model/versions

FROM ${BASE_IMAGE}
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /app /app
# Folders for lasting data: settings, trained networks and the training data. The bot's user owns them; root owns all else.
RUN mkdir -p /state /data && chown 10001:10001 /state /data /app/model/versions && chmod 700 /state
WORKDIR /app
USER 10001:10001
# The last three return a photo's memory to the system, and limit Node's memory for short-lived objects; `npm start` sets the same.
ENV NODE_ENV=production \
    STATE_DIR=/state \
    DATA_DIR=/data \
    MALLOC_ARENA_MAX=2 \
    MALLOC_TRIM_THRESHOLD_=131072 \
    MALLOC_MMAP_THRESHOLD_=131072
VOLUME ["/state", "/data", "/app/model/versions"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--max-semi-space-size=2", "--expose-gc", "src/base/compiled.mjs"]
CMD ["src/main.ts"]
