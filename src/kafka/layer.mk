# src/kafka: the only folder that includes librdkafka's headers.
libkafka_a_SOURCES = \
	src/kafka/library.c src/kafka/library.h \
	src/kafka/mock_cluster.c src/kafka/mock_cluster.h \
	src/kafka/simple_client.c src/kafka/simple_client.h \
	src/kafka/simple_consumer.c src/kafka/simple_consumer.h \
	src/kafka/simple_producer.c src/kafka/simple_producer.h
