-- A shop chain: sales of three years, a star with two snowflake arms
-- (product → subcategory → category, store → city → country).

CREATE TABLE category (
  category_id INTEGER NOT NULL PRIMARY KEY,
  category_name VARCHAR NOT NULL
);

CREATE TABLE subcategory (
  subcategory_id INTEGER NOT NULL PRIMARY KEY,
  subcategory_name VARCHAR NOT NULL,
  category_id INTEGER NOT NULL,
  FOREIGN KEY (category_id) REFERENCES category (category_id)
);

CREATE TABLE product (
  product_id INTEGER NOT NULL PRIMARY KEY,
  product_name VARCHAR NOT NULL,
  brand VARCHAR NOT NULL,
  subcategory_id INTEGER NOT NULL,
  unit_cost DECIMAL(10, 2) NOT NULL,
  list_price DECIMAL(10, 2) NOT NULL,
  launched DATE NOT NULL,
  FOREIGN KEY (subcategory_id) REFERENCES subcategory (subcategory_id)
);

CREATE TABLE country (
  country_id INTEGER NOT NULL PRIMARY KEY,
  country_name VARCHAR NOT NULL,
  currency VARCHAR NOT NULL
);

CREATE TABLE city (
  city_id INTEGER NOT NULL PRIMARY KEY,
  city_name VARCHAR NOT NULL,
  country_id INTEGER NOT NULL,
  inhabitants INTEGER NOT NULL,
  FOREIGN KEY (country_id) REFERENCES country (country_id)
);

CREATE TABLE store (
  store_id INTEGER NOT NULL PRIMARY KEY,
  store_name VARCHAR NOT NULL,
  city_id INTEGER NOT NULL,
  format VARCHAR NOT NULL,
  area_m2 INTEGER,
  opened DATE NOT NULL,
  FOREIGN KEY (city_id) REFERENCES city (city_id)
);

CREATE TABLE promotion (
  promotion_id INTEGER NOT NULL PRIMARY KEY,
  promotion_name VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  percent_off INTEGER NOT NULL
);

CREATE TABLE calendar (
  date_key DATE NOT NULL PRIMARY KEY,
  year INTEGER NOT NULL,
  quarter INTEGER NOT NULL,
  month INTEGER NOT NULL,
  month_name VARCHAR NOT NULL,
  week INTEGER NOT NULL,
  weekday INTEGER NOT NULL,
  weekday_name VARCHAR NOT NULL,
  is_holiday BOOLEAN NOT NULL
);

-- promotion_id and discount are NULL without one, rating where the customer gave none;
-- a negative quantity is a return.
CREATE TABLE sales (
  sale_id INTEGER NOT NULL,
  date_key DATE NOT NULL,
  store_id INTEGER NOT NULL,
  product_id INTEGER NOT NULL,
  promotion_id INTEGER,
  quantity SMALLINT NOT NULL,
  unit_price DECIMAL(10, 2) NOT NULL,
  discount DECIMAL(3, 2),
  amount DECIMAL(12, 2) NOT NULL,
  rating TINYINT,
  FOREIGN KEY (date_key) REFERENCES calendar (date_key),
  FOREIGN KEY (store_id) REFERENCES store (store_id),
  FOREIGN KEY (product_id) REFERENCES product (product_id),
  FOREIGN KEY (promotion_id) REFERENCES promotion (promotion_id)
) ORDER BY (date_key, store_id);
