# One image for controller and AP agents; compose.yaml shows both.
FROM node:24-bookworm-slim AS build
WORKDIR /build
# For the native add-ons: DTLS, and faster TFTP. Where Debian's packages are not available, the image is built without them.
RUN { apt-get update -qq && apt-get install -qq -y --no-install-recommends gcc libc6-dev; } || echo "WARNING: no C compiler to be had: this image has no DTLS (its daemons need --dtls off) and serves TFTP without its native sender"
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts && find dist -name '*.map' -delete

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/flexup
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/bin ./bin
COPY --from=build /build/dist/src ./dist/src
COPY --from=build /build/dist/native ./dist/native
COPY --from=build /build/dist/web ./dist/web
RUN ln -s /opt/flexup/bin/flexup.js /usr/local/bin/flexup && mkdir /data && chown node:node /data
# Container engines let any user bind ports from 0 upwards inside a container, so TFTP gets its port 69 without root.
USER node
VOLUME /data
EXPOSE 5246/udp 69/udp
ENTRYPOINT ["flexup"]
CMD ["--help"]
