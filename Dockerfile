FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1
WORKDIR /app

COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY . ./
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && useradd --system --create-home --uid 10001 zhida \
    && install -d -o zhida /var/lib/zhida

USER zhida
ENTRYPOINT ["zhida"]
