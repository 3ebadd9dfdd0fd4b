-- Run from the root of the repository, after demo.sh has made .build/demo/sales.csv.
COPY category FROM 'datasets/shop/category.csv' (FORMAT csv, HEADER true);
COPY subcategory FROM 'datasets/shop/subcategory.csv' (FORMAT csv, HEADER true);
COPY product FROM 'datasets/shop/product.csv' (FORMAT csv, HEADER true);
COPY country FROM 'datasets/shop/country.csv' (FORMAT csv, HEADER true);
COPY city FROM 'datasets/shop/city.csv' (FORMAT csv, HEADER true);
COPY store FROM 'datasets/shop/store.csv' (FORMAT csv, HEADER true);
COPY promotion FROM 'datasets/shop/promotion.csv' (FORMAT csv, HEADER true);
COPY calendar FROM 'datasets/shop/calendar.csv' (FORMAT csv, HEADER true);
COPY sales FROM '.build/demo/sales.csv' (FORMAT csv, HEADER true);
