FROM python:3.12-slim

# The default wheel of torch brings CUDA, so one image serves machines with and without a GPU.
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY indexer indexer
COPY search_api search_api
COPY web web
RUN pip install --no-cache-dir '.[postgres]' \
    && useradd --create-home --uid 1000 atisbo \
    && mkdir /library && chown atisbo /library
USER atisbo
ENV ATISBO_LIBRARY=/library
EXPOSE 8420
ENTRYPOINT ["atisbo"]
CMD ["serve", "--host", "0.0.0.0"]
