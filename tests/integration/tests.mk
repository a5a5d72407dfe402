# tests/integration: pytest drives the built programs against a real Kafka. Not part of `make check`, which
# needs no JVM; scripts/test runs both.
EXTRA_DIST += \
	scripts/kafka \
	scripts/lib/kafka-4.3.1.pom.xml \
	scripts/lib/kafka-4.3.1.sha256 \
	scripts/lib/kafka-jars.sh \
	scripts/lib/kafka-nodes.sh \
	scripts/lib/kafka-tools-log4j2.properties
