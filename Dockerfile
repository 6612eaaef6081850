# One stage: TypeScript runs as it is, so there is nothing to build.
FROM node:24-slim

ENV NODE_ENV=production
WORKDIR /app

# No runtime package has an install script, so none is run.
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force

COPY bin ./bin
COPY src ./src
COPY rules ./rules
COPY fhir-fixtures ./fhir-fixtures
COPY LICENSE NOTICE ./

# Only this folder is written to, and only without DATABASE_URL; the rest may be mounted read-only.
ENV DATA_DIR=/data
RUN mkdir /data && chown 1000:1000 /data
VOLUME /data

# A number, so that an orchestrator can see that it is not root.
USER 1000:1000

# Inside a container the loopback address reaches nobody.
ENV HOST=0.0.0.0
ENV PORT=8080
EXPOSE 8080

HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

ENTRYPOINT ["node", "bin/cramp-cds.mjs"]
CMD ["serve"]
